import { openDevelopmentIssuer } from '../access/developmentIssuer.ts'
import type { Product, Stream } from '../catalog/plan.ts'
import type { Config } from '../config.ts'
import { createLog } from '../log.ts'
import { configOrComplaints, EXIT, say, type Edge, type Exit, type RunningGateway } from './edge.ts'
import { workersRefusals } from './workers.ts'

export interface StartOptions {
  readonly config?: string
  readonly workers?: number
  readonly json?: boolean
}

/** `weir start`: serves until told to stop, then lets everyone leave. */
export async function start(edge: Edge, options: StartOptions): Promise<Exit> {
  const config = configOrComplaints(edge, options.config)
  if (!config) return EXIT.usage
  const { workers = 1 } = options
  const refusals = workersRefusals(config, workers)
  for (const refusal of refusals) say(edge, `weir: ${refusal}`)
  if (refusals.length > 0) return EXIT.usage
  const parts = { clock: edge.clock, log: createLog(config.log.level) }
  const running = await (workers === 1 ? edge.startGateway(config, parts) : edge.startWorkers(config, workers, parts))
  const trial = await trialOf(edge, config, running.products)
  if (options.json) edge.out.write(`${JSON.stringify(summaryOf(running, trial))}\n`)
  else greet(edge, config, running, trial)
  await untilStopped(edge.stop)
  say(edge, 'Draining: clients are sent elsewhere with their cursors; a second signal ends at once.')
  await running.drain()
  return EXIT.done
}

function untilStopped(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve()
    stop.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Something to try at once: a stream that streams by itself, and a token for it. */
interface Trial {
  readonly product: Product
  readonly stream: Stream
  readonly token: string
}

const TRIAL_CONSUMER = 'trial'
const TRIAL_MS = 24 * 3_600_000

/** Only where the records are our own recordings and the tokens our own: nothing of anybody is opened. */
async function trialOf(edge: Edge, config: Config, products: readonly Product[]): Promise<Trial | null> {
  const found = config.embedded && config.access.issuers.length === 0 ? openStream(products) : null
  if (!found) return null
  const issuer = await openDevelopmentIssuer(config.dataDir, edge.clock)
  const scope = found.stream.scope === null ? {} : { scope: found.stream.scope }
  const { token } = await issuer.issueToken({ consumer: TRIAL_CONSUMER, ttlMs: TRIAL_MS, ...scope })
  return { ...found, token }
}

function openStream(products: readonly Product[]): Pick<Trial, 'product' | 'stream'> | null {
  for (const product of products) {
    const open = product.access === 'open' && product.visibility === 'public' && product.defaultPlan !== null
    if (!open || (product.lifecycle !== 'released' && product.lifecycle !== 'deprecated')) continue
    const stream = product.streams.find(({ expose, topic }) => expose === 'read' && !topic.includes('{'))
    if (stream) return { product, stream }
  }
  return null
}

function summaryOf({ url, controlUrl, products }: RunningGateway, trial: Trial | null): object {
  const listed = products.map(({ id, title, streams }) => ({ id, title, streams: streams.map((one) => one.id) }))
  return { url, controlUrl, products: listed, token: trial?.token ?? null }
}

function greet(edge: Edge, config: Config, { url, controlUrl, products }: RunningGateway, trial: Trial | null): void {
  const near = reachable(url)
  say(edge, `Weir serves at ${near}`)
  if (config.portal) say(edge, `  portal:  ${near}/ — the products in words, and live in a browser`)
  say(edge, `  control: ${reachable(controlUrl)}/metrics`)
  say(
    edge,
    `  records: ${config.embedded ? 'recorded, from the embedded log' : Object.keys(config.clusters).join(', ')}`,
  )
  if (config.access.issuers.length === 0)
    say(edge, '  tokens:  development issuer; `weir token --consumer ID` makes one')
  if (products.length === 0) say(edge, '  no product is served; `weir check` says why')
  for (const product of products) {
    say(edge, `  product: ${product.id} — ${product.title}`)
    for (const stream of product.streams) say(edge, `           ${near}/streams/${product.id}/${stream.id}`)
  }
  if (trial) say(edge, `\nTry it:\n\n${curlLine(near, trial)}\n`)
}

function curlLine(url: string, { product, stream, token }: Trial): string {
  const headers = `-H 'Accept: text/event-stream' -H 'Authorization: Bearer ${token}'`
  return `curl -N ${headers} ${url}/streams/${product.id}/${stream.id}`
}

/** "All addresses" is nothing that one can call. */
function reachable(url: string): string {
  return url.replace(/^(https?:\/\/)(0\.0\.0\.0|\[::\])(?=[:/]|$)/, '$1127.0.0.1')
}
