import type { Log } from '../../log.ts'
import { KafkaError } from './errors.ts'

/** Another reason in the same outage is told as well, but not more than so many. */
const REASONS_MAX = 5

/** Tells the operator which brokers cannot be reached or do not let us in, and why: each reason once until it works again. */
export class Dials {
  readonly #cluster: string
  readonly #log: Log
  readonly #told = new Map<string, Set<string>>()

  constructor(cluster: string, log: Log) {
    this.#cluster = cluster
    this.#log = log
  }

  worked(broker: string): void {
    if (!this.#told.delete(broker)) return
    this.#log.info({ cluster: this.#cluster, broker }, 'a Kafka broker can be reached again')
  }

  failed(broker: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const told = this.#told.get(broker) ?? new Set()
    if (told.has(reason) || told.size >= REASONS_MAX) return
    this.#told.set(broker, told.add(reason))
    const fields = { cluster: this.#cluster, broker, reason }
    if (error instanceof KafkaError && error.kind === 'denied') {
      this.#log.error(fields, 'a Kafka broker does not let us in')
    } else {
      this.#log.warn(fields, 'a Kafka broker cannot be reached')
    }
  }
}
