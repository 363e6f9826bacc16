/**
 * One of the supervisor's places, in which a worker's process runs, and after it the next one:
 *
 *   starting ──ready──► serving ──it ended──► waiting (1 s … 30 s) ──► starting …
 *      └──it ended──► the first time: told by `start`; later: waiting
 *   any of them ──drain──► leaving ──it ended──► gone
 */
import type { Clock, Timer } from '../clock.ts'
import { Fault } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Answers, FromWorker, Order, Ready, Topic, WorkerProcess } from './message.ts'

export type SlotState = 'starting' | 'serving' | 'waiting' | 'leaving' | 'gone'

export interface SlotParts {
  readonly fork: (index: number) => WorkerProcess
  readonly clock: Clock
  readonly log: Log
}

const RESTART_MS_MIN = 1_000
const RESTART_MS_MAX = 30_000
/** Who has served for so long did not die of its start. */
const STEADY_MS = 60_000
/** Documents that were never compiled and a slow disk: beyond, it is stuck. */
const START_MS_MAX = 120_000
/** How long a worker may say nothing though it is asked: its clients hear nothing either. */
const SILENT_MS_MAX = 30_000
const ASK_MS_MAX = 2_000

export class WorkerSlot {
  readonly index: number
  readonly counts = { restarts: 0, missed: 0 }
  readonly #parts: SlotParts
  #order: Order | null = null
  #state: SlotState = 'starting'
  #process: WorkerProcess | null = null
  /** Monotonic: since when the state holds, and when it was last heard. */
  #since = 0
  #heardAt = 0
  /** Starts and short lives in a row. */
  #failures = 0
  #why: Extract<FromWorker, { kind: 'failed' }> | null = null
  #restart: Timer | null = null
  #serial = 0
  readonly #asked = new Map<number, (answer: Answers[Topic]) => void>()
  #settle: { ready(ready: Ready): void; failed(fault: Fault): void } | null = null
  #ended: ((clean: boolean) => void) | null = null

  constructor(index: number, parts: SlotParts) {
    this.index = index
    this.#parts = parts
  }

  get state(): SlotState {
    return this.#state
  }

  /** Its process begins at once, and serves when there is an order. Resolves once it does. Rejects with the worker's own `Fault` where its first process cannot; from then on it is replaced. */
  start(order: Promise<Order>): Promise<Ready> {
    const started = new Promise<Ready>((ready, failed) => (this.#settle = { ready, failed }))
    this.#fork()
    const obey = (given: Order): void => {
      this.#order = given
      this.#process?.send(given)
    }
    // Where there never is one, whoever should have given it tells why.
    order.then(obey).catch(() => undefined)
    return started
  }

  /** `null` where it does not answer in time. */
  async ask<T extends Topic>(about: T): Promise<Answers[T] | null> {
    if (this.#state !== 'serving' && this.#state !== 'leaving') return null
    const id = ++this.#serial
    const answer = await new Promise<Answers[Topic] | null>((resolve) => {
      const late = this.#parts.clock.after(ASK_MS_MAX, () => resolve(null))
      this.#asked.set(id, (told) => {
        late.cancel()
        resolve(told)
      })
      this.#process?.send({ kind: 'ask', id, about })
    })
    this.#asked.delete(id)
    if (answer === null) this.counts.missed++
    return answer as Answers[T] | null
  }

  /** Call it every few seconds: a process that is stuck is ended, and then replaced. */
  watch(): void {
    const now = this.#parts.clock.monotonic()
    const stuck =
      (this.#state === 'starting' && now - this.#since > START_MS_MAX) ||
      (this.#state === 'serving' && now - this.#heardAt > SILENT_MS_MAX)
    if (!stuck) return void this.ask('readiness')
    this.#parts.log.error(
      { event: 'worker-stuck', of: this.index, pid: this.#process?.pid },
      'a worker does not answer',
    )
    this.#process?.kill()
  }

  /** Sends its clients away; after `msMax` it is ended. Answers whether it ended by itself, and well. */
  drain(msMax: number): Promise<boolean> {
    this.#restart?.cancel()
    const process = this.#process
    if (process === null || this.#state === 'gone') {
      this.#become('gone')
      return Promise.resolve(true)
    }
    this.#become('leaving')
    return new Promise((resolve) => {
      const late = this.#parts.clock.after(msMax, () => process.kill())
      this.#ended = (clean) => {
        late.cancel()
        resolve(clean)
      }
      process.send({ kind: 'drain' })
    })
  }

  #fork(): void {
    const process = this.#parts.fork(this.index)
    this.#process = process
    this.#why = null
    this.#become('starting')
    process.onMessage((message) => this.#hear(message))
    process.onEnd((clean, how) => this.#end(clean, how))
    if (this.#order) process.send(this.#order)
  }

  #hear(message: FromWorker): void {
    this.#heardAt = this.#parts.clock.monotonic()
    if (message.kind === 'answer') return this.#asked.get(message.id)?.(message.answer)
    if (message.kind === 'failed') return void (this.#why = message)
    if (this.#state === 'starting') this.#become('serving')
    const fields = { event: 'worker-serving', of: this.index, pid: this.#process?.pid }
    this.#parts.log.info(fields, 'a worker serves')
    this.#settle?.ready(message)
    this.#settle = null
  }

  #end(clean: boolean, how: string): void {
    const { log, clock } = this.#parts
    const pid = this.#process?.pid
    this.#process = null
    if (this.#state === 'leaving') {
      this.#become('gone')
      if (!clean) log.error({ event: 'worker-ended', of: this.index, pid, how }, 'a worker did not drain as it should')
      return this.#ended?.(clean)
    }
    if (this.#settle) {
      this.#become('gone')
      return this.#settle.failed(this.#fault(how))
    }
    if (this.#state === 'serving' && clock.monotonic() - this.#since >= STEADY_MS) this.#failures = 0
    const restartMs = Math.min(RESTART_MS_MAX, RESTART_MS_MIN * 2 ** Math.min(this.#failures++, 10))
    const fields = {
      event: 'worker-ended',
      of: this.index,
      pid,
      how,
      restartMs,
      ...(this.#why && { why: this.#why.message }),
    }
    log.error(fields, 'a worker ended; another one takes its place')
    this.#become('waiting')
    this.#restart = clock.after(restartMs, () => {
      this.counts.restarts++
      this.#fork()
    })
  }

  #fault(how: string): Fault {
    if (this.#why) return new Fault(this.#why.fault, `worker ${this.index}: ${this.#why.message}`)
    return new Fault('internal', `worker ${this.index} could not start: ${how}`)
  }

  #become(state: SlotState): void {
    this.#state = state
    this.#since = this.#heardAt = this.#parts.clock.monotonic()
  }
}
