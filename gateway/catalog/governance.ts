import { channelsOf } from './channels.ts'
import type { Channel } from './channels.ts'
import { findingRow, type FindingCode } from './codes.ts'
import type { AsyncApiDocument } from './document.ts'
import { checkNames } from './governedNames.ts'
import { checkPayload } from './governedPayload.ts'
import type { Findings } from './findings.ts'
import { isObject, memberOf, objectAt, textAt, valueAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import type { Finding, Product } from './plan.ts'
import { follow } from './refs.ts'

const INFO = ['info']
const EXTENSION = ['info', 'x-data-product']

/** Tells with the advice that the table of codes has. */
export type Tell = (code: FindingCode, path: Path, message: string, severity?: Finding['severity']) => void

/**
 * What a good data product needs beyond what can be served: asked where a document is to be published (`weir spec lint`), not of
 * what an operator has put into a folder. Only what partners cannot do without is an error.
 */
export function checkGovernance({ root, major, findings }: AsyncApiDocument, product: Product): void {
  const tell = tellerOf(findings)
  checkProduct(objectAt(root, 'info'), product, tell)
  checkDefaultPlan(product, tell)
  const channels = channelsOf(root, major)
  checkNames(product, ({ topic }) => channels.find((channel) => channel.topic === topic)?.path ?? INFO, tell)
  for (const channel of channels) {
    if (!isObject(channel.extension) || channel.extension['expose'] !== 'read') continue
    checkChannel(channel, tell)
    checkDirection(root, channel, tell)
    for (const message of channel.messages) checkPayload(root, message, product.visibility, tell)
  }
}

function tellerOf(findings: Findings): Tell {
  return (code, path, message, severity) => {
    const row = findingRow(code)
    findings.add(severity ?? row?.severity ?? 'warning', code, path, message, row?.advice ?? null)
  }
}

function checkProduct(info: JsonObject, product: Product, tell: Tell): void {
  const { id, lifecycle, visibility, owner, license, description, version, sla } = product
  const seen = (lifecycle === 'released' || lifecycle === 'deprecated') && visibility !== 'private'
  const grave = seen ? 'error' : 'warning'
  if (isBlank(description)) tell('description-missing', INFO, 'the product is not described')
  if (owner.email === null && !isObject(memberOf(info, 'contact')))
    tell('contact-missing', [...EXTENSION, 'owner'], `nobody can be reached about \`${id}\``, grave)
  if (license === null || license.name === '')
    tell('license-missing', INFO, 'nothing says what partners may do with the data', grave)
  if (!SEMANTIC.test(version)) {
    const shown = JSON.stringify(version.slice(0, 40))
    tell('version-not-semantic', [...INFO, 'version'], `the version ${shown} does not tell what a change means`)
  }
  if (seen && sla.length === 0) tell('sla-missing', EXTENSION, 'the product is released and promises nothing')
}

const SEMANTIC = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/

function checkDefaultPlan({ access, plans, defaultPlan }: Product, tell: Tell): void {
  const i = plans.findIndex(({ name }) => name === defaultPlan)
  const plan = plans[i]
  if (access !== 'open' || plan === undefined) return
  const priced = Number(plan.price) > 0 || plan.tiers.some(({ per1000 }) => Number(per1000) > 0)
  if (priced || plan.windows.length > 0 || plan.rate !== null) return
  const message = `whoever has a token gets the plan \`${plan.name}\`, which has neither limit nor price`
  tell('plan-unlimited', [...EXTENSION, 'plans', i], message)
}

function checkChannel({ path, name, description, parameters }: Channel, tell: Tell): void {
  if (isBlank(description)) tell('stream-undescribed', path, `the stream \`${name.slice(0, 64)}\` has no description`)
  for (const one of parameters)
    if (isBlank(one.description))
      tell('parameter-undescribed', one.path, `the parameter \`${one.name.slice(0, 64)}\` has no description`)
}

/** What applications do with a channel says whose records it holds: one that is only read is mostly a channel of commands. */
function checkDirection(root: JsonObject, { path, topic }: Channel, tell: Tell): void {
  const actions = actionsOn(root, path)
  if (actions.length === 0 || actions.includes('send')) return
  const message = `partners will read everything in the topic \`${(topic ?? '').slice(0, 250)}\`, from which the application of this document only receives`
  tell('direction-doubtful', path, message)
}

type Action = 'send' | 'receive'

/** What the document's application does there: in AsyncAPI 2, `subscribe` is what others do, who get what it sends. */
function actionsOn(root: JsonObject, path: Path): readonly Action[] {
  const channel = valueAt(root, path)
  const operations = Object.entries(objectAt(root, 'operations')).flatMap(([id, raw]): Action[] => {
    const { value: operation, path: at } = follow(root, raw, ['operations', id])
    const target = follow(root, memberOf(operation, 'channel'), at).path
    if (target.join('/') !== path.join('/')) return []
    return [textAt(operation, 'action') === 'send' ? 'send' : 'receive']
  })
  if (isObject(memberOf(channel, 'subscribe'))) operations.push('send')
  if (isObject(memberOf(channel, 'publish'))) operations.push('receive')
  return operations
}

export function isBlank(text: string | null): boolean {
  return text === null || text.trim() === ''
}
