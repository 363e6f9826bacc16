import { renderReference } from '../config/reference.ts'
import { configOrComplaints, EXIT, type Edge, type Exit } from './edge.ts'

export interface ConfigurationOptions {
  readonly config?: string
  readonly reference?: boolean
}

/** `weir config`: what is in force after file, environment and defaults, with secrets masked; or the reference of all keys. */
export function configuration(edge: Edge, { config: file, reference }: ConfigurationOptions): Exit {
  if (reference) {
    edge.out.write(renderReference())
    return EXIT.done
  }
  const config = configOrComplaints(edge, file)
  if (!config) return EXIT.usage
  edge.out.write(`${JSON.stringify(config, null, 2)}\n`)
  return EXIT.done
}
