import { weightOf, type Record } from './record.ts'
import type { FilterField } from '../catalog/plan.ts'
import type { Body } from './body.ts'
import { parsed, scalarAt, type Scalar } from './condition.ts'
import type { Decode, Hidden, Payload, View } from './view.ts'

/** A flat charge for a body's objects. */
const BODY_BYTES = 96

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
  #field: FilterField | null = null
  #scalar: Scalar | null = null
  #view: View | null = null
  #body: Body | Hidden | null = null

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

  /** What its payload has in a field; looked up once, however many views ask for another value of it. */
  scalar(field: FilterField, json: Uint8Array): Scalar | null {
    if (this.#field === field) return this.#scalar
    this.#field = field
    return (this.#scalar = scalarAt(field, parsed(json)))
  }

  /** What was kept for `view`; `null` where nothing was. */
  kept(view: View): Body | Hidden | null {
    return this.#view === view ? this.#body : null
  }

  /** Keeps one view's body; answers by how many bytes the entry grew. */
  keep(view: View, body: Body | Hidden): number {
    const grown = this.#bytesOf(body) - this.#bytesOf(this.#body)
    this.#view = view
    this.#body = body
    this.bytes += grown
    return grown
  }

  /** What a body holds beside the record: its payload, mostly, is the record's own. */
  #bytesOf(body: Body | Hidden | null): number {
    if (body === null || typeof body === 'string') return 0
    const own = body.json.buffer === this.record.value?.buffer ? body.json.byteLength : 0
    return BODY_BYTES + body.bytes - own
  }
}
