import { decodeBody } from './body.ts'
import { encodeColumns } from './columns.ts'
import type { MessageId, Tally, TallyShare, TalliesMessage, UsageMessage, WatermarkMessage } from './tally.ts'

/** A usage message as it stands in Kafka and in the journal: docs/decisions/0007-usage-messages.md. */
export interface Envelope {
  readonly key: string
  readonly headers: { readonly [name: string]: string }
  readonly value: Buffer
}

/** A message that is not what decision 0007 says, and why: for the operator and the dead letters. */
export interface DamagedMessage {
  readonly kind: 'damaged'
  readonly why: string
}

/** What a consumer of the topic has in hand. */
export interface RawMessage {
  readonly key: Buffer | string | null
  readonly headers: { readonly [name: string]: Buffer | string | undefined }
  readonly value: Buffer | null
}

export const TALLIES_TYPE = 'io.weir.usage.tallies.v1'
export const WATERMARK_TYPE = 'io.weir.usage.watermark.v1'
const CONTENT_TYPE = 'application/json'
/** Kafka's own default for a message; ours are half as long. */
const VALUE_BYTES_MAX = 1024 * 1024
const NODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function encodeMessage(message: UsageMessage): Envelope {
  return message.kind === 'tallies' ? encodeTallies(message, message.tallies.map(tallyText)) : encodeWatermark(message)
}

/** `texts`: the tallies as `tallyText` makes them, for who had to know their lengths before. */
export function encodeTallies({ id, from, to }: Omit<TalliesMessage, 'tallies'>, texts: readonly string[]): Envelope {
  const value = `{"from":"${isoOf(from)}","to":"${isoOf(to)}","tallies":[${texts.join(',')}]}`
  return envelopeOf(TALLIES_TYPE, id, to, value)
}

function encodeWatermark({ id, before, final }: WatermarkMessage): Envelope {
  return envelopeOf(WATERMARK_TYPE, id, before, JSON.stringify({ before: isoOf(before), final }))
}

export function tallyText(tally: Tally): string {
  const { stream, epoch, log, view, offsets } = tally
  const count = offsets.length
  const shares = tally.shares.map((share) => shareBody(share, count))
  return JSON.stringify({ stream, epoch, log, view, count, ...encodeColumns(tally), shares })
}

function shareBody(share: TallyShare, count: number): object {
  const { agreement, plan, planVersion, ranges, delivered, deliveredBytes } = share
  const all = ranges.length === 1 && ranges[0]![0] === 0 && ranges[0]![1] === count
  return { agreement, plan, planVersion, ...(!all && { ranges }), delivered, deliveredBytes }
}

function envelopeOf(type: string, id: MessageId, time: number, value: string): Envelope {
  const key = keyOf(id)
  const headers = {
    ce_specversion: '1.0',
    ce_type: type,
    ce_source: sourceOf(id.node),
    ce_id: `${key}/${id.seq}`,
    ce_time: isoOf(time),
    'content-type': CONTENT_TYPE,
  }
  return { key, headers, value: Buffer.from(value) }
}

function keyOf({ node, worker, boot, shard }: MessageId): string {
  return `${node}/${worker}/${boot}/${shard}`
}

function sourceOf(node: string): string {
  return `/weir/nodes/${node}`
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

/** Whether it can stand in an id: letters, digits, `.`, `_`, `-`, at most 64. */
export function isNodeName(name: string): boolean {
  return NODE.test(name)
}

/** Never throws: whatever stands in the topic becomes a message or words. */
export function decodeMessage(raw: RawMessage): UsageMessage | DamagedMessage {
  const { key, value } = raw
  const id = idOf(textOf(raw.headers['ce_id']))
  if (id === null) return damaged('ce_id is not node/worker/boot/shard/seq')
  const wrong = wrongHeader(raw, id) ?? (textOf(key ?? '') === keyOf(id) ? null : 'the key is not that of ce_id')
  if (wrong !== null) return damaged(wrong)
  if (value === null) return damaged('there is no value')
  if (value.length > VALUE_BYTES_MAX) return damaged(`the value is longer than ${VALUE_BYTES_MAX} bytes`)
  const body = decodeBody(kindOf(raw), value)
  if (typeof body === 'string') return damaged(body)
  const time = body.kind === 'tallies' ? body.to : body.before
  return textOf(raw.headers['ce_time']) === isoOf(time) ? { ...body, id } : damaged('ce_time is not that of the value')
}

function wrongHeader({ headers }: RawMessage, id: MessageId): string | null {
  const type = textOf(headers['ce_type'])
  if (type !== TALLIES_TYPE && type !== WATERMARK_TYPE) return 'ce_type is none that this version knows'
  if (textOf(headers['ce_specversion']) !== '1.0') return 'ce_specversion is not 1.0'
  if (textOf(headers['ce_source']) !== sourceOf(id.node)) return 'ce_source is not that of ce_id'
  return textOf(headers['content-type']) === CONTENT_TYPE ? null : `content-type is not ${CONTENT_TYPE}`
}

function kindOf({ headers }: RawMessage): UsageMessage['kind'] {
  return textOf(headers['ce_type']) === TALLIES_TYPE ? 'tallies' : 'watermark'
}

function idOf(text: string): MessageId | null {
  const [node = '', ...parts] = text.split('/', 6)
  if (!isNodeName(node) || parts.length !== 4) return null
  const [worker, boot, shard, seq] = parts.map(countOf)
  if (worker == null || boot == null || shard == null || seq == null || seq === 0) return null
  return { node, worker, boot, shard, seq }
}

/** One form per number: else two ids would be one. */
function countOf(digits: string): number | null {
  const count = /^(?:0|[1-9]\d{0,15})$/.test(digits) ? Number(digits) : Number.NaN
  return Number.isSafeInteger(count) ? count : null
}

function textOf(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('utf8') ?? '')
}

function damaged(why: string): DamagedMessage {
  return { kind: 'damaged', why }
}
