import { referenceRows, renderReference } from '../config/reference.ts'
import { configOrComplaints, EXIT, type Edge, type Exit } from './edge.ts'

export interface ConfigurationOptions {
  readonly config?: string
  readonly reference?: boolean
  readonly json?: boolean
}

/** `weir config`: what is in force after file, environment and defaults, as JSON with secrets masked; or the reference of all keys. */
export function configuration(edge: Edge, { config: file, reference, json }: ConfigurationOptions): Exit {
  if (reference) {
    edge.out.write(json ? `${JSON.stringify(referenceRows(), null, 2)}\n` : renderReference())
    return EXIT.done
  }
  const config = configOrComplaints(edge, file)
  if (!config) return EXIT.usage
  edge.out.write(`${JSON.stringify(config, null, 2)}\n`)
  return EXIT.done
}
