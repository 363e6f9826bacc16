import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { unpackConfig } from './parcel.ts'
import type { Readiness } from '../control/http.ts'
import { Fault } from '../errors.ts'
import { createLog, describeFault, silentLog, type Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Product } from '../catalog/plan.ts'
import type { Channel, Order, ToWorker } from './message.ts'
import type { Place } from './place.ts'

/** What a worker serves with. */
interface Serving {
  readonly url: string
  readonly products: readonly Product[]
  readonly metrics: Metrics
  readiness(): Readiness
  drain(): Promise<void>
}

export type StartWorker = (
  config: Config,
  parts: { readonly clock: Clock; readonly log: Log },
  place: Place,
) => Promise<Serving>

/**
 * A worker's life: it waits for its place, serves, and drains when the supervisor says so, when the supervisor is gone, or when `stop` is
 * aborted, whichever comes first. Answers the exit code.
 */
export async function work(channel: Channel, start: StartWorker, clock: Clock, stop: AbortSignal): Promise<0 | 1> {
  const leave = new AbortController()
  const leaving = new Promise<void>((resolve) => {
    leave.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  // A signal to the whole group and the supervisor's word come both: it drains once.
  stop.addEventListener('abort', () => leave.abort(), { once: true })
  if (stop.aborted) leave.abort()
  channel.onClose(() => leave.abort())
  let serving: Serving | null = null
  let log: Log = silentLog
  // The supervisor waits a bounded time, and counts what it misses.
  const silent = (error: unknown): void => log.error({ event: 'fault', error }, 'fault while answering the supervisor')
  const order = new Promise<Order>((resolve) => {
    channel.onMessage((message) => {
      if (message.kind === 'start') resolve(message)
      else if (message.kind === 'drain') leave.abort()
      else if (serving) tell(channel, serving, message).catch(silent)
    })
  })
  const told = await Promise.race([order, leaving])
  if (!told) return 0
  const config = unpackConfig(told.config)
  log = createLog(config.log.level, { worker: told.place.index })
  try {
    serving = await start(config, { clock, log }, told.place)
  } catch (error) {
    const fault = error instanceof Fault ? error.kind : 'internal'
    await channel.send({ kind: 'failed', fault, message: String(describeFault(error, fault === 'internal')) })
    return 1
  }
  const { url, products } = serving
  await channel.send({ kind: 'ready', url, products })
  await leaving
  await serving.drain()
  return 0
}

async function tell(
  channel: Channel,
  serving: Serving,
  { id, about }: Extract<ToWorker, { kind: 'ask' }>,
): Promise<void> {
  const answer = about === 'metrics' ? await serving.metrics.collect() : serving.readiness()
  await channel.send({ kind: 'answer', id, answer })
}
