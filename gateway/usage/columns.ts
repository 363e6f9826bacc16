import type { Tally } from './tally.ts'
import { VarintReader, VarintWriter } from './varints.ts'

export type TallyColumns = Pick<Tally, 'partitions' | 'offsets' | 'sizes' | 'ages'>

/** Columns as they stand in a message: base64 of varints. */
export interface ColumnTexts {
  readonly partitions: string
  readonly offsets: string
  readonly sizes: string
  readonly ages: string
}

/** What a varint takes in the common case: sizes the first buffer only. */
const BYTES_EXPECTED = 3

export function encodeColumns(columns: TallyColumns): ColumnTexts {
  return {
    partitions: encodeRuns(columns.partitions),
    offsets: encodeOffsets(columns.partitions, columns.offsets),
    sizes: encodePlain(columns.sizes),
    ages: encodePlain(columns.ages),
  }
}

/** Says in words what is wrong with damaged ones. Work and memory are bounded by the length of the texts. */
export function decodeColumns(texts: ColumnTexts, count: number): TallyColumns | string {
  const bytes = Buffer.from(texts.offsets, 'base64')
  // Each offset takes at least one byte: a count beyond that would only make us allocate.
  if (count > bytes.length) return `offsets are ${bytes.length} bytes, too few for ${count} records`
  const partitions = decodeRuns(texts.partitions, count)
  if (typeof partitions === 'string') return partitions
  const offsets = decodeOffsets(texts.offsets, partitions)
  if (typeof offsets === 'string') return offsets
  const sizes = decodePlain('sizes', texts.sizes, count)
  if (typeof sizes === 'string') return sizes
  const ages = decodePlain('ages', texts.ages, count)
  return typeof ages === 'string' ? ages : { partitions, offsets, sizes, ages }
}

function encodeRuns(partitions: readonly number[]): string {
  const writer = new VarintWriter(64)
  for (let from = 0; from < partitions.length;) {
    const partition = partitions[from]!
    let to = from + 1
    while (partitions[to] === partition) to++
    writer.unsigned(partition)
    writer.unsigned(to - from)
    from = to
  }
  return writer.base64()
}

function decodeRuns(text: string, count: number): number[] | string {
  const reader = readerOf(text)
  if (reader === null) return 'partitions are not base64'
  const partitions: number[] = []
  while (!reader.done) {
    const partition = reader.unsigned()
    const length = reader.unsigned()
    if (partition === null || length === null || length === 0) return 'partitions hold a broken run'
    if (partition > 0x7fffffff) return `partitions hold ${partition}, which is none`
    if (length > count - partitions.length) return `partitions are more than ${count}`
    for (let i = 0; i < length; i++) partitions.push(partition)
  }
  return partitions.length === count ? partitions : `partitions are ${partitions.length}, not ${count}`
}

function encodeOffsets(partitions: readonly number[], offsets: readonly number[]): string {
  const writer = new VarintWriter(offsets.length * BYTES_EXPECTED)
  const last = new Map<number, number>()
  for (const [i, offset] of offsets.entries()) {
    const partition = partitions[i]!
    writer.signed(offset - (last.get(partition) ?? 0))
    last.set(partition, offset)
  }
  return writer.base64()
}

function decodeOffsets(text: string, partitions: readonly number[]): number[] | string {
  const reader = readerOf(text)
  if (reader === null) return 'offsets are not base64'
  const last = new Map<number, number>()
  const offsets: number[] = []
  for (const partition of partitions) {
    const difference = reader.signed()
    if (difference === null) return `offsets hold a broken number at place ${offsets.length}`
    const offset = (last.get(partition) ?? 0) + difference
    if (offset < 0 || !Number.isSafeInteger(offset)) return `offsets hold ${offset} at place ${offsets.length}`
    last.set(partition, offset)
    offsets.push(offset)
  }
  return reader.done ? offsets : `offsets are more than ${partitions.length}`
}

function encodePlain(values: readonly number[]): string {
  const writer = new VarintWriter(values.length * BYTES_EXPECTED)
  for (const value of values) writer.unsigned(value)
  return writer.base64()
}

function decodePlain(name: string, text: string, count: number): number[] | string {
  const reader = readerOf(text)
  if (reader === null) return `${name} are not base64`
  const values: number[] = []
  while (values.length < count) {
    const value = reader.unsigned()
    if (value === null) return `${name} hold a broken number at place ${values.length}`
    values.push(value)
  }
  return reader.done ? values : `${name} are more than ${count}`
}

/** Node passes over what is no base64; a damaged text must not become other numbers. */
function readerOf(text: string): VarintReader | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new VarintReader(bytes) : null
}
