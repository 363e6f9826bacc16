import type { Header, Record } from '../stream/record.ts'

/**
 * The one class that every source makes its records by: the same fields set in the same order give the engine one
 * hidden class, so that what reads records by the million stays monomorphic.
 */
export class SourceRecord implements Record {
  readonly partition: number
  readonly offset: number
  readonly time: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]

  constructor(
    partition: number,
    offset: number,
    time: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[],
  ) {
    this.partition = partition
    this.offset = offset
    this.time = time
    this.key = key
    this.value = value
    this.headers = headers
  }
}
