import { BILLING } from './billing.ts'
import { CATALOG } from './catalog.ts'
import { CLIENT } from './client.ts'
import { COUNTING } from './counting.ts'
import type { Mutation } from './mutation.ts'
import { PARAMETERS } from './parameters.ts'
import { PORTAL } from './portal.ts'
import { QUOTA } from './quota.ts'
import { QUOTA_SCRIPT } from './quotaScript.ts'
import { SOURCE } from './source.ts'
import { STREAM } from './stream.ts'
import { USAGE } from './usage.ts'
import { WIRE } from './wire.ts'
import { WORKERS } from './workers.ts'

/** By area, the name of which picks them all: `npm run mutations -- wire`. A new area is a file beside this one, and a line here. */
export const AREAS: { readonly [area: string]: readonly Mutation[] } = {
  billing: BILLING,
  catalog: CATALOG,
  client: CLIENT,
  counting: COUNTING,
  parameters: PARAMETERS,
  portal: PORTAL,
  quota: [...QUOTA, ...QUOTA_SCRIPT],
  source: SOURCE,
  stream: STREAM,
  usage: USAGE,
  wire: WIRE,
  workers: WORKERS,
}
