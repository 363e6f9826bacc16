import { findingsReference } from '../gateway/catalog/codes.ts'
import { renderReference } from '../gateway/config/reference.ts'
import { errorsReference } from '../gateway/errors.ts'
import { cliReference } from './cli.ts'
import { metricsReference } from './metrics.ts'
import { protocolReference } from './protocol.ts'

/** Every page of docs/ that the code writes, by its path in the repository. */
export const generatedPages: { readonly [page: string]: () => string } = {
  'docs/cli.md': cliReference,
  'docs/configuration.md': renderReference,
  'docs/errors.md': errorsReference,
  'docs/findings.md': findingsReference,
  'docs/metrics.md': metricsReference,
  'docs/protocol.md': protocolReference,
}
