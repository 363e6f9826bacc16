import type { Identity } from '../access/grant.ts'
import type { Product, StreamParameter } from '../catalog/plan.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Admissions } from './admissions.ts'
import { isRefusal } from './gate.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'
import { sendTagged } from './tagged.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

type Route = (pattern: string, handler: (reply: Reply, request: Request) => Promise<void>) => void

/** The catalogue, as far as the caller may see it; public products without a token. */
export function serveProducts(route: Route, admissions: Admissions): void {
  const { gate } = admissions.context
  route('/products', async (reply, request) => {
    const identity = await caller(request, admissions)
    if (isRefusal(identity)) return reply.problem(identity, admissions.headersOf(identity, true))
    const { root } = admissions.commonOf(request)
    await withTag(reply, request, { products: gate.visible(identity).map((product) => listed(product, root)) })
  })
  route('/products/:product', async (reply, request) => {
    const identity = await caller(request, admissions)
    if (isRefusal(identity)) return reply.problem(identity, admissions.headersOf(identity, true))
    const product = named(request, gate.visible(identity))
    if (!product) return reply.problem(noSuchProduct())
    await withTag(reply, request, described(product, admissions.commonOf(request).root))
  })
  for (const [format, type] of VIEW_TYPES)
    route(`/products/:product/asyncapi.${format}`, async (reply, request) => {
      const identity = await caller(request, admissions)
      if (isRefusal(identity)) return reply.problem(identity, admissions.headersOf(identity, true))
      const product = named(request, gate.visible(identity))
      if (!product) return reply.problem(noSuchProduct())
      await sendText(reply, request, gate.publicView(identity, product, format), type)
    })
  route('/.well-known/oauth-protected-resource', (reply) => Promise.resolve(reply.json(200, gate.resourceMetadata())))
}

/** The address alone decides: whoever opens it in a browser or a tool gets the same. */
const VIEW_TYPES = [
  ['json', JSON_TYPE],
  ['yaml', 'application/yaml; charset=utf-8'],
] as const

function named({ path }: Request, products: readonly Product[]): Product | undefined {
  const id = path.split('/')[2] ?? ''
  return products.find((candidate) => candidate.id === id)
}

function noSuchProduct(): Refusal {
  return refuse('no-such-stream', 'There is no such product for this caller; /products lists what it may see.')
}

async function caller(request: Request, { context: { gate } }: Admissions): Promise<Identity | Refusal | null> {
  const sent = gate.bearer(request.authorization)
  return typeof sent === 'string' ? gate.authenticate(sent) : sent
}

/** `root` is the path of the public address: what a client resolves an address against. */
function listed({ id, title, version, lifecycle, streams }: Product, root: string): object {
  return {
    id,
    title,
    version,
    lifecycle,
    asyncapi: `${root}/products/${id}/asyncapi.json`,
    streams: streams
      .filter(({ expose }) => expose === 'read')
      .map((stream) => ({
        id: stream.id,
        title: stream.title,
        url: `${root}/streams/${id}/${stream.id}`,
        ...(stream.parameters.length > 0 && { parameters: stream.parameters.map(told) }),
      })),
  }
}

/** What a client may give as `param.<name>`. */
function told({ name, description, values, default: standard, examples, field }: StreamParameter): object {
  const required = field === null && standard === null
  return { name, description, required, values, default: standard, examples }
}

/** What a partner may know of a product: its promise and its price, nothing of where the data lies. */
function described(product: Product, root: string): object {
  const { description, license, owner, domain, visibility, access, deprecation, sla, defaultPlan, plans } = product
  return {
    ...listed(product, root),
    description,
    license,
    owner,
    domain,
    visibility,
    access,
    deprecation,
    sla,
    defaultPlan,
    plans,
  }
}

function withTag(reply: Reply, request: Request, body: object): Promise<void> {
  return sendText(reply, request, JSON.stringify(body), JSON_TYPE)
}

function sendText(reply: Reply, request: Request, text: string, type: string): Promise<void> {
  const headers = { 'Cache-Control': 'no-cache', Vary: 'Authorization' }
  return sendTagged(reply, request, { type, body: Buffer.from(text), headers })
}
