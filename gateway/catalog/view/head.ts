import type { JsonObject } from '../json.ts'
import type { PricePlan, Product } from '../plan.ts'
import { offerInWords, offerOf } from './offer.ts'

/** Who looks at a product, and from where. */
export interface Viewer {
  /** Of the gateway as partners reach it, without a slash at its end. */
  readonly url: string
  /** Of an agreement of the viewer's own, which then is the only one shown; `null`: what is offered. */
  readonly plan: string | null
}

/** The beginning of a public view, which depends on who looks: the product in words, its plans, and where this gateway is. */
export function headOf(product: Product, { url, plan }: Viewer): JsonObject {
  const plans = product.plans.filter(({ name }) => plan === null || name === plan)
  return {
    asyncapi: '3.0.0',
    id: `${url}/products/${product.id}`,
    info: infoOf(product, plans, url, plan),
    defaultContentType: 'application/json',
    servers: serversOf(url),
  }
}

function infoOf(product: Product, plans: readonly PricePlan[], url: string, plan: string | null): JsonObject {
  const { title, version, license } = product
  return {
    title,
    version,
    description: [product.description?.trim() ?? '', ...wordsOf(product, plans, plan)].filter(Boolean).join('\n\n'),
    contact: contactOf(product),
    ...(license && { license: { name: license.name, ...(license.url !== null && { url: license.url }) } }),
    'x-weir-product': factsOf(product, plans, url, plan),
  }
}

/** Whom the document names for partners; its owner where it names nobody. */
function contactOf({ contact, owner }: Product): JsonObject {
  const { name, url, email } = contact ?? { name: owner.team, url: null, email: owner.email }
  return { ...(name !== null && { name }), ...(url !== null && { url }), ...(email !== null && { email }) }
}

function factsOf(product: Product, plans: readonly PricePlan[], url: string, plan: string | null): JsonObject {
  const { id, lifecycle, access, domain, deprecation, sla, defaultPlan } = product
  return {
    id,
    lifecycle,
    access,
    ...(domain !== null && { domain }),
    ...(deprecation && { deprecation: withoutNulls(deprecation) }),
    ...(sla.length > 0 && { sla: sla.map(withoutNulls) }),
    ...(plan !== null && { plan }),
    ...(plan === null && defaultPlan !== null && { defaultPlan }),
    plans: plans.map(offerOf),
    catalogue: `${url}/products/${id}`,
    usage: `${url}/usage`,
    tokens: `${url}/.well-known/oauth-protected-resource`,
  }
}

function withoutNulls(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}

function wordsOf(product: Product, plans: readonly PricePlan[], plan: string | null): readonly string[] {
  const { sla, deprecation, lifecycle } = product
  const promised = sla.map(({ property, value, unit }) => `${property} ${value}${unit === null ? '' : ` ${unit}`}`)
  return [
    lifecycle === 'draft' ? '**Lifecycle.** A draft: it may change at any time.' : '',
    lifecycle === 'retired' ? '**Lifecycle.** Retired: it is not delivered any more.' : '',
    deprecation
      ? `**Deprecated** on ${deprecation.on}, delivered until ${deprecation.sunset}.${successorOf(deprecation)}`
      : '',
    promised.length > 0 ? `**Service level.** ${promised.join(', ')}.` : '',
    `**Access.** ${accessOf(product, plan)}`,
    `**Plans.**\n\n${plans.map((one) => `- ${offerInWords(one)}`).join('\n')}`,
  ]
}

function successorOf({ successor }: NonNullable<Product['deprecation']>): string {
  return successor === null ? '' : ` \`${successor}\` takes its place.`
}

function accessOf({ access, defaultPlan, contact, owner }: Product, plan: string | null): string {
  if (plan !== null) return `Your agreement has the plan \`${plan}\`.`
  if (access === 'open' && defaultPlan !== null) return `Whoever has a token reads it, on the plan \`${defaultPlan}\`.`
  const whom = contact?.email ?? contact?.url ?? contact?.name ?? owner.email ?? owner.team
  return `It needs an agreement; ask ${whom} for one.`
}

const BEARER = { $ref: '#/components/securitySchemes/bearer' }
const SUBPROTOCOL = { $ref: '#/components/securitySchemes/subprotocol' }

/** The two of the protocol, at the address of this gateway. */
function serversOf(url: string): JsonObject {
  const { host, pathname, protocol } = new URL(url)
  const path = pathname.replace(/\/+$/, '')
  const secure = protocol === 'https:' ? 's' : ''
  const at = (of: 'ws' | 'http', description: string, security: readonly object[]): JsonObject => {
    return { host, ...(path !== '' && { pathname: path }), protocol: `${of}${secure}`, description, security }
  }
  return {
    websocket: at('ws', 'WebSocket sessions, by the subprotocol `weir.v1` or without one.', [BEARER, SUBPROTOCOL]),
    http: at('http', 'Server-sent events, NDJSON and pages.', [BEARER]),
  }
}
