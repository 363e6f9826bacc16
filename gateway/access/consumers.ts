import type { PricePlan, Product, Stream } from '../catalog/plan.ts'
import { nearest } from '../drivers/nearest.ts'
import { Fault, refuse, type Refusal } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Agreement, Grant, Identity } from './grant.ts'
import { quoted } from './quoted.ts'

/** One entry of `consumers` in the configuration. */
export interface ConsumerSettings {
  /** What the token's consumer claim says. */
  readonly id: string
  readonly name: string
  readonly suspended?: boolean
  readonly agreements: readonly { readonly product: string; readonly plan: string }[]
}

/** What the configuration promises and the documents do not hold, or the other way round. */
export interface AccessProblem {
  /** `null` where the product itself is at fault. */
  readonly consumer: string | null
  readonly product: string
  readonly message: string
  readonly fix: string
}

export interface Consumers {
  /** The right to read one stream, or why not: `no-such-stream`, `forbidden`, `retired`. Tell apart by `'code' in`. */
  authorize(identity: Identity, product: Product, stream: Stream): Grant | Refusal
  /** Whether the product is listed to the caller (null: nobody in particular). */
  visible(identity: Identity | null, product: Product): boolean
  /** The plan of the caller's own agreement with the product; `null` where it has none that is still offered. */
  agreed(identity: Identity | null, product: Product): PricePlan | null
  /** Asked at start-up and when a document changes. */
  check(products: readonly Product[]): readonly AccessProblem[]
}

interface Consumer {
  readonly suspended: boolean
  /** By product. */
  readonly plans: ReadonlyMap<string, string>
}

/** Throws a usage `Fault` for a consumer named twice, or with two agreements for one product. */
export function createConsumers(settings: readonly ConsumerSettings[], log: Log): Consumers {
  const consumers = readConsumers(settings)
  /** Bounded by products and configured agreements: a fault of configuration is told once, not per connection. */
  const reported = new Set<string>()

  function visible(identity: Identity | null, product: Product): boolean {
    if (product.visibility === 'public' && product.lifecycle !== 'draft') return true
    return identity !== null && consumers.get(identity.consumer)?.plans.has(product.id) === true
  }

  function agreed(identity: Identity | null, product: Product): PricePlan | null {
    const name = identity === null ? undefined : consumers.get(identity.consumer)?.plans.get(product.id)
    return (name !== undefined && planOf(product, name)) || null
  }

  function planless(identity: Identity, product: Product, name: string): Refusal {
    const isDefault = consumers.get(identity.consumer)?.plans.has(product.id) !== true
    const key = isDefault ? product.id : agreementId(identity.consumer, product.id, name)
    if (!reported.has(key)) {
      reported.add(key)
      const fields = { consumer: isDefault ? null : identity.consumer, product: product.id, plan: name }
      log.error(fields, 'an agreement names a plan that its product does not have')
    }
    return refuse('forbidden', `The plan ${quoted(name)} of this agreement is no longer offered; ${ask(product)}.`)
  }

  function authorize(identity: Identity, product: Product, stream: Stream): Grant | Refusal {
    if (stream.expose !== 'read' || !visible(identity, product)) return noSuchStream(product.id, stream.id)
    const consumer = consumers.get(identity.consumer)
    if (consumer?.suspended) {
      return refuse(
        'forbidden',
        `The consumer ${quoted(identity.consumer)} is suspended; ask the operator of this gateway.`,
      )
    }
    if (product.lifecycle === 'retired') return retired(product)
    const name = consumer?.plans.get(product.id) ?? (product.access === 'open' ? product.defaultPlan : null)
    if (name === null) return withoutAgreement(identity, product)
    const plan = planOf(product, name)
    if (!plan) return planless(identity, product, name)
    if (stream.scope !== null && !identity.scopes.has(stream.scope)) return missingScope(stream, stream.scope)
    return { identity, product, stream, agreement: agreementOf(identity.consumer, product.id, plan) }
  }

  const check = (products: readonly Product[]): readonly AccessProblem[] => [
    ...products.flatMap(checkProduct),
    ...settings.flatMap((one) => checkAgreements(one, products)),
  ]
  return { authorize, visible, agreed, check }
}

/**
 * What a stream that does not exist and one that may not be seen both answer: the same words, so that nothing leaks. `seen`: what
 * the caller may see, of which one may have been meant.
 */
export function noSuchStream(product: string, stream: string, seen: readonly Product[] = []): Refusal {
  const address = quoted(`${product}/${stream}`)
  const meant = meantStream(product, stream, seen)
  const advice = meant === null ? '' : `did you mean ${quoted(meant)}? `
  return refuse(
    'no-such-stream',
    `There is no stream ${address} for this token; ${advice}/products lists what it may see.`,
  )
}

/** Names that are looked through for one that may have been meant. */
const MEANT_MAX = 1_000

function meantStream(product: string, stream: string, seen: readonly Product[]): string | null {
  const ids = seen.slice(0, MEANT_MAX).map(({ id }) => id)
  const id = ids.includes(product) ? product : nearest(product, ids)
  const readable = seen.find((one) => one.id === id)?.streams.filter(({ expose }) => expose === 'read') ?? []
  const names = readable.slice(0, MEANT_MAX).map((one) => one.id)
  const name = names.includes(stream) ? stream : nearest(stream, names)
  return name === null ? null : `${id}/${name}`
}

/** Stable and readable; `:` and `%` inside a part are escaped, so that two agreements never share an id. */
export function agreementId(consumer: string, product: string, plan: string): string {
  return [consumer, product, plan].map((part) => part.replace(/[%:\s]/g, encodeURIComponent)).join(':')
}

/** One object an agreement and document, which all its connections hold. */
const agreements = new WeakMap<PricePlan, Map<string, Agreement>>()
/** Whoever has a token is a consumer of an open product. */
const AGREEMENTS_KEPT_MAX = 10_000

function agreementOf(consumer: string, product: string, plan: PricePlan): Agreement {
  const known = agreements.get(plan) ?? new Map<string, Agreement>()
  agreements.set(plan, known)
  let agreement = known.get(consumer)
  if (agreement?.product === product) return agreement
  agreement = { id: agreementId(consumer, product, plan.name), consumer, product, plan }
  if (known.size >= AGREEMENTS_KEPT_MAX) known.clear()
  known.set(consumer, agreement)
  return agreement
}

function readConsumers(settings: readonly ConsumerSettings[]): ReadonlyMap<string, Consumer> {
  const consumers = new Map<string, Consumer>()
  for (const { id, suspended = false, agreements } of settings) {
    if (id === '') throw new Fault('usage', 'consumers: a consumer has an empty id.')
    if (consumers.has(id)) throw new Fault('usage', `consumers: ${id} stands twice; put its agreements in one entry.`)
    const plans = new Map<string, string>()
    for (const { product, plan } of agreements) {
      if (plans.has(product)) {
        throw new Fault('usage', `consumers: ${id} has two agreements for the product ${product}; keep one.`)
      }
      plans.set(product, plan)
    }
    consumers.set(id, { suspended, plans })
  }
  return consumers
}

function planOf(product: Product, name: string): PricePlan | undefined {
  return product.plans.find((plan) => plan.name === name)
}

function retired(product: Product): Refusal {
  const successor = product.deprecation?.successor
  const instead = successor ? `; ${quoted(successor)} takes its place` : ''
  return refuse('retired', `The product ${quoted(product.id)} is retired${instead}.`)
}

function withoutAgreement(identity: Identity, product: Product): Refusal {
  const who = quoted(identity.consumer)
  return refuse('forbidden', `The consumer ${who} has no agreement for ${quoted(product.id)}; ${ask(product)}.`)
}

function missingScope(stream: Stream, scope: string): Refusal {
  const detail = `The stream ${quoted(stream.id)} needs the scope ${quoted(scope)}; get a token that has it.`
  return refuse('forbidden', detail, { scope })
}

function ask({ owner }: Product): string {
  return `ask its owner, ${owner.team}${owner.email === null ? '' : ` <${owner.email}>`}, for one`
}

function checkProduct(product: Product): AccessProblem[] {
  const { id, access, defaultPlan } = product
  const found = (message: string, fix: string): AccessProblem[] => [{ consumer: null, product: id, message, fix }]
  if (defaultPlan !== null && !planOf(product, defaultPlan)) {
    return found(`The default plan ${quoted(defaultPlan)} of ${id} does not exist.`, offered(product, defaultPlan))
  }
  if (access === 'open' && defaultPlan === null) {
    return found(
      `${id} is open and has no default plan: only agreements let anyone in.`,
      `Name one. ${offered(product)}`,
    )
  }
  return []
}

function checkAgreements({ id, agreements }: ConsumerSettings, products: readonly Product[]): AccessProblem[] {
  return agreements.flatMap(({ product: productId, plan }) => {
    const found = (message: string, fix: string): AccessProblem[] => [
      { consumer: id, product: productId, message, fix },
    ]
    const product = products.find((one) => one.id === productId)
    if (!product) {
      const ids = products.map((one) => one.id)
      const served = `${didYouMean(productId, ids)}Products served: ${ids.join(', ') || 'none'}.`
      return found(`${id} has an agreement for ${productId}, which no document describes.`, served)
    }
    if (planOf(product, plan)) return []
    return found(`${id} has the plan ${quoted(plan)} of ${productId}, which does not exist.`, offered(product, plan))
  })
}

function offered(product: Product, meant = ''): string {
  const names = product.plans.map((plan) => plan.name)
  return `${didYouMean(meant, names)}Plans of ${product.id}: ${names.join(', ') || 'none'}.`
}

function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant === null ? '' : `Did you mean ${quoted(meant)}? `
}
