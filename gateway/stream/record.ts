/** One record of a topic, as every source hands it over. One shape for all (hidden classes stay monomorphic). */
export interface Record {
  readonly partition: number
  /** A safe integer: Kafka's 64-bit offsets reach 2^53 after three centuries at 10^6 records/s. */
  readonly offset: number
  /** Kafka timestamp, ms since 1970. */
  readonly time: number
  readonly key: Uint8Array | null
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

export type Header = readonly [name: string, value: Uint8Array]

/** Shared by all records without headers, so that the common case allocates nothing. */
export const NO_HEADERS: readonly Header[] = Object.freeze([])

/** Bytes that a record holds in memory, with a flat charge for its objects. */
export function weightOf(record: Record): number {
  let bytes = 160 + (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0)
  for (const [name, value] of record.headers) bytes += name.length + value.byteLength + 32
  return bytes
}
