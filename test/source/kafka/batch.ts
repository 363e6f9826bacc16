/** Writes record batches (magic 2) byte by byte, with what no producer would send. */
export interface BatchOptions {
  readonly baseOffset: number
  /** Default: that of the last record. */
  readonly lastOffset?: number
  readonly producerId?: bigint
  readonly transactional?: boolean
  readonly control?: boolean
  readonly appendTime?: number
  readonly records: readonly { readonly key?: Buffer; readonly value: Buffer }[]
}

export function batch(options: BatchOptions): Buffer {
  const { baseOffset, producerId = -1n, records, appendTime } = options
  const lastDelta = (options.lastOffset ?? baseOffset + Math.max(0, records.length - 1)) - baseOffset
  const body = Buffer.concat(records.map(record))
  const head = Buffer.alloc(61)
  head.writeBigInt64BE(BigInt(baseOffset), 0)
  head.writeInt32BE(head.length - 12 + body.length, 8)
  head.writeInt8(2, 16)
  head.writeInt16BE((appendTime ? 8 : 0) | (options.transactional ? 16 : 0) | (options.control ? 32 : 0), 21)
  head.writeInt32BE(lastDelta, 23)
  head.writeBigInt64BE(BigInt(appendTime ?? 0), 35)
  head.writeBigInt64BE(producerId, 43)
  head.writeInt32BE(records.length, 57)
  return Buffer.concat([head, body])
}

function record({ key, value }: BatchOptions['records'][number], offsetDelta: number): Buffer {
  const keyed = key === undefined ? [varint(-1)] : [varint(key.length), key]
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(offsetDelta),
    varint(offsetDelta),
    ...keyed,
    varint(value.length),
    value,
    varint(0),
  ])
  return Buffer.concat([varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value < 0 ? -2 * value - 1 : 2 * value
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80)
  return Buffer.from([...bytes, left])
}
