import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { compress as zstdCompress, decompress as zstdDecompress } from '@mongodb-js/zstd'
import { Codecs } from 'kafkajs/src/protocol/message/compression/index.js'
import { compressFrame, decompressFrame } from 'lz4-napi'
import { compress as snappyCompress, uncompress } from 'snappy'

/** Kafka's number of a compression, in the low three bits of a batch's attributes. */
export const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/**
 * A gzip batch that would unpack to more is refused: brokers take 1 MiB batches by default, and text rarely packs better than 50 to 1.
 * The libraries of the other codecs take no such limit; what bounds them is that only those who may write to the topic can pack.
 */
export const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

/** Unpacks the records of one batch into a buffer of their own. Throws on damaged or unknown data. */
export async function unpack(compression: number, packed: Buffer): Promise<Buffer> {
  switch (compression) {
    case COMPRESSION.gzip:
      return await gunzipped(packed, { maxOutputLength: UNPACKED_BYTES_MAX })
    case COMPRESSION.snappy:
      return await unpackSnappy(packed)
    case COMPRESSION.lz4:
      return await decompressFrame(packed)
    case COMPRESSION.zstd:
      return await zstdDecompress(packed)
    default:
      throw new Error(`compression ${compression} is not one that Kafka knows`)
  }
}

/** Teaches kafkajs's own producers and consumers the codecs that it leaves out. Doing so twice changes nothing. */
export function registerCodecs(): void {
  const snappy = { compress: (e: Packable) => snappyCompress(e.buffer), decompress: unpackSnappy }
  const lz4 = { compress: (e: Packable) => compressFrame(e.buffer), decompress: decompressFrame }
  const zstd = { compress: (e: Packable) => zstdCompress(e.buffer), decompress: zstdDecompress }
  Codecs[COMPRESSION.snappy] = () => snappy
  Codecs[COMPRESSION.lz4] = () => lz4
  Codecs[COMPRESSION.zstd] = () => zstd
}

interface Packable {
  readonly buffer: Buffer
}

const gunzipped = promisify(gunzip)

/** `\x82SNAPPY\0`: Java producers write blocks of snappy, each after its length, behind this and two version numbers. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

async function unpackSnappy(packed: Buffer): Promise<Buffer> {
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) return await snappyBlock(packed)
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER_BYTES; at < packed.length;) {
    const length = packed.readInt32BE(at)
    if (length < 0 || at + 4 + length > packed.length) throw new Error('a block of snappy is longer than its batch')
    blocks.push(await snappyBlock(packed.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks)
}

async function snappyBlock(block: Buffer): Promise<Buffer> {
  return (await uncompress(block, { asBuffer: true })) as Buffer
}
