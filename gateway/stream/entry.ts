import { weightOf, type Record } from './record.ts'
import type { Body, Decode, Payload, View } from './view.ts'

/**
 * A record as the ring and replay blocks hold it, with what was made of it so far: its decoded payload, shared by all
 * views of a stream, and one view's body, kept where readers come for it again.
 */
export class Entry {
  readonly record: Record
  /** Bytes in memory, with the body that is kept. */
  bytes: number
  #decode: Decode | null = null
  #payload: Payload | null = null
  #view: View | null = null
  #body: Body | null = null

  constructor(record: Record) {
    this.record = record
    this.bytes = weightOf(record)
  }

  payload(decode: Decode): Payload {
    if (this.#payload !== null && this.#decode === decode) return this.#payload
    const payload = decode(this.record)
    this.#decode = decode
    this.#payload = payload
    return payload
  }

  /** What was kept for `view`: `undefined` where nothing was, `null` where the view shows nothing of this record. */
  kept(view: View): Body | null | undefined {
    return this.#view === view ? this.#body : undefined
  }

  /** Keeps one view's body; answers by how many bytes the entry grew. */
  keep(view: View, body: Body | null): number {
    const grown = (body?.rest.byteLength ?? 0) - (this.#body?.rest.byteLength ?? 0)
    this.#view = view
    this.#body = body
    this.bytes += grown
    return grown
  }
}
