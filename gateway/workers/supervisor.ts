/** Several gateways on one port: starts them, replaces those that end, and answers the operator for all of them. It serves no partner itself. */
import type { Product } from '../catalog/plan.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { packConfig } from './parcel.ts'
import { listenForControl, type Readiness } from '../control/http.ts'
import { Fault } from '../errors.ts'
import type { Log } from '../log.ts'
import { createMetrics, renderAll, type Collected, type Metrics } from '../metrics.ts'
import type { Ready, WorkerProcess } from './message.ts'
import { probePort } from './portProbe.ts'
import { WorkerSlot } from './slot.ts'

interface Parts {
  readonly clock: Clock
  readonly log: Log
  readonly fork: (index: number) => WorkerProcess
}

interface Supervised {
  readonly url: string
  readonly controlUrl: string
  readonly products: readonly Product[]
  /** Sends all clients of all workers away at once. Throws a `Fault` where one of them did not end as it should. */
  drain(): Promise<void>
}

const WATCH_MS = 5_000
/** Beyond `limits.drainMsMax`: last frames, allowances given back, usage sent. */
const LEAVE_MS_MAX = 20_000
const SUPERVISOR = 'supervisor'

/** Throws a `Fault` where the ports cannot be had, or a worker cannot start. */
export async function superviseWorkers(config: Config, count: number, parts: Parts): Promise<Supervised> {
  const { clock, log } = parts
  const port = await probePort(config.listen.host, config.listen.port)
  const slots = Array.from({ length: count }, (_, index) => new WorkerSlot(index, parts))
  const metrics = createMetrics(log, SUPERVISOR)
  const control = await listenForControl(
    config.control.host,
    config.control.port,
    { contentType: metrics.contentType, render: () => scrape(slots, metrics) },
    () => readinessOf(slots),
  ).catch((error: unknown) => {
    metrics.close()
    throw error
  })
  registerSlots(metrics, slots)
  const watching = clock.every(WATCH_MS, () => slots.forEach((slot) => slot.watch()))
  const leave = async (): Promise<boolean> => {
    const clean = await Promise.all(slots.map((slot) => slot.drain(config.limits.drainMsMax + LEAVE_MS_MAX)))
    watching.cancel()
    control.close()
    metrics.close()
    return clean.every(Boolean)
  }
  try {
    const { url, products } = await startAll(config, port, slots)
    log.info({ event: 'listening', url, workers: count }, 'all workers serve')
    const controlUrl = `http://${config.control.host}:${control.port}`
    return {
      url,
      controlUrl,
      products,
      async drain() {
        if (!(await leave())) throw new Fault('internal', 'not every worker drained as it should; the log says which')
      },
    }
  } catch (error) {
    await leave()
    throw error
  }
}

/** The first one serves before the others may: it makes what all of them share (keys, compiled documents, tables), and they find it. */
async function startAll(config: Config, port: number, slots: readonly WorkerSlot[]): Promise<Ready> {
  const [first, ...others] = slots as [WorkerSlot, ...WorkerSlot[]]
  const start = (slot: WorkerSlot, after: Promise<unknown>): Promise<Ready> => {
    const place = { index: slot.index, count: slots.length, port }
    return slot.start(after.then(() => ({ kind: 'start', config: packConfig(config), place })))
  }
  const ready = start(first, Promise.resolve())
  await Promise.all([ready, ...others.map((slot) => start(slot, ready))])
  return ready
}

/** All that answer in time; of the others their own metric tells. */
async function scrape(slots: readonly WorkerSlot[], metrics: Metrics): Promise<string> {
  const answers = await Promise.all(slots.map((slot) => slot.ask('metrics')))
  const told = answers.filter((answer): answer is Collected => answer !== null)
  return renderAll([await metrics.collect(), ...told])
}

async function readinessOf(slots: readonly WorkerSlot[]): Promise<Readiness> {
  const answers = await Promise.all(slots.map((slot) => slot.ask('readiness')))
  const checks: { [name: string]: string } = {}
  for (const [i, { index, state }] of slots.entries()) {
    const answer = answers[i] ?? null
    const silent = state === 'serving' ? 'does not answer' : state
    checks[`worker ${index}`] = answer === null ? silent : answer.ready ? 'ready' : 'not ready'
    for (const [name, check] of Object.entries(answer?.checks ?? {})) checks[`worker ${index}: ${name}`] = check
  }
  return { ready: answers.every((answer) => answer?.ready === true), checks }
}

/** What the supervisor's own scrape tells of its workers. */
export function registerSlots(metrics: Metrics, slots: readonly WorkerSlot[]): void {
  const each = (value: (slot: WorkerSlot) => number) => () =>
    slots.map((slot) => ({ labels: { worker: String(slot.index) }, value: value(slot) }))
  const up = each(({ state }) => (state === 'serving' ? 1 : 0))
  metrics.gauge('weir_worker_up', '1 while the worker serves, 0 while it starts or ends. Only with `--workers`.', up, [
    'worker',
  ])
  const restarts = each(({ counts }) => counts.restarts)
  metrics.counter(
    'weir_worker_restarts_total',
    'Times that the worker ended, without having been told to, and was replaced.',
    restarts,
    ['worker'],
  )
  const missed = each(({ counts }) => counts.missed)
  metrics.counter(
    'weir_worker_unanswered_total',
    'Questions of the supervisor, such as a scrape, that the worker did not answer within 2 s: it is missing there.',
    missed,
    ['worker'],
  )
}
