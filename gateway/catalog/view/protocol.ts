import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '../../drivers/yaml.ts'
import { packageRoot } from '../../package.ts'
import { objectAt } from '../json.ts'
import type { JsonObject } from '../json.ts'

/** Weir's own protocol as AsyncAPI, from the file that tests hold the gateway to: each product's view says it with its own payloads. */
export interface Protocol {
  readonly servers: JsonObject
  readonly channels: JsonObject
  readonly operations: JsonObject
  readonly components: { readonly [kind in 'messages' | 'schemas' | 'securitySchemes']: JsonObject }
}

let known: Protocol | null = null

export function protocol(): Protocol {
  return (known ??= read(join(packageRoot, 'specs', 'weir.asyncapi.yaml')))
}

function read(file: string): Protocol {
  const { value, errors } = parseYaml(readFileSync(file, 'utf8'))
  const [broken] = errors
  if (broken) throw new Error(`${file}:${broken.line}: ${broken.message}`)
  const components = objectAt(value, 'components')
  return {
    servers: objectAt(value, 'servers'),
    channels: objectAt(value, 'channels'),
    operations: objectAt(value, 'operations'),
    components: {
      messages: objectAt(components, 'messages'),
      schemas: objectAt(components, 'schemas'),
      securitySchemes: objectAt(components, 'securitySchemes'),
    },
  }
}
