import type { Product } from '../catalog/plan.ts'
import type { Readiness } from '../control/http.ts'
import type { Fault } from '../errors.ts'
import type { Collected } from '../metrics.ts'
import type { Place } from './place.ts'

/** What a supervisor tells a worker. */
export type ToWorker =
  | Order
  | { readonly kind: 'ask'; readonly id: number; readonly about: Topic }
  /** As SIGTERM is to one process; telling it twice changes nothing. */
  | { readonly kind: 'drain' }

/** `config` is packed (`parcel.ts`): a worker never reads the file, which may be another by then. */
export interface Order {
  readonly kind: 'start'
  readonly config: string
  readonly place: Place
}

export type FromWorker =
  | Ready
  /** It ends after this. */
  | { readonly kind: 'failed'; readonly fault: Fault['kind']; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[Topic] }

/** It takes connections. */
export interface Ready {
  readonly kind: 'ready'
  readonly url: string
  readonly products: readonly Product[]
}

export interface Answers {
  readonly readiness: Readiness
  readonly metrics: Collected
}

export type Topic = keyof Answers

/** The worker's end of the pipe. */
export interface Channel {
  /** Resolves once it is on its way; nobody may be there to read it. */
  send(message: FromWorker): Promise<void>
  onMessage(hear: (message: ToWorker) => void): void
  /** The supervisor is gone. */
  onClose(hear: () => void): void
}

/** The supervisor's view of a worker's process. */
export interface WorkerProcess {
  readonly pid: number
  send(message: ToWorker): void
  kill(): void
  onMessage(hear: (message: FromWorker) => void): void
  /** Once, also where it could not be started; `how` in words. */
  onEnd(hear: (clean: boolean, how: string) => void): void
}
