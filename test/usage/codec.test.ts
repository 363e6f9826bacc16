import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodeMessage, type Envelope, type RawMessage } from '../../gateway/usage/codec.ts'
import { cutTallies } from '../../gateway/usage/tallies.ts'
import type { Tally } from '../../gateway/usage/tally.ts'
import { messages, tallies } from './support.ts'

describe('usage messages', () => {
  it('come back from their form in Kafka as they were', () => {
    fc.assert(
      fc.property(messages, (message) =>
        assert.deepEqual(decodeMessage(rawOf(encodeMessage(message))), plain(message)),
      ),
    )
  })

  it('damaged bytes never throw and never pass for the message that they were', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(messages, changes, fc.boolean(), fc.nat(), (message, flips, cut, at) => {
        const raw = rawOf(encodeMessage(message))
        const value = Buffer.from(raw.value ?? [])
        for (const [place, bits] of flips) value[place % value.length]! ^= bits
        const damaged = { ...raw, value: cut ? value.subarray(0, at % value.length) : value }
        if (value.equals(raw.value ?? Buffer.of()) && !cut) return
        const found = decodeMessage(damaged)
        // A digit for a digit is another message; whatever else changed is told.
        if (found.kind !== 'damaged') assert.notDeepEqual(found, plain(message))
        else assert.ok(found.why.length > 0)
      }),
      { numRuns: 500 },
    )
  })

  it('whose headers or key are not those of the message are told to be damaged', () => {
    const raw = rawOf(
      encodeMessage({
        kind: 'watermark',
        id: { node: 'a', worker: 0, boot: 1, shard: 0, seq: 7 },
        before: 1_000,
        final: false,
      }),
    )
    for (const headers of [
      { ce_id: 'a/0/1/0/07' },
      { ce_id: 'a/0/1/0/0' },
      { ce_id: 'b/0/1/0/7' },
      { ce_type: 'io.weir.usage.tallies.v1' },
      { ce_time: '1970-01-01T00:00:02.000Z' },
      { 'content-type': 'text/plain' },
    ])
      assert.equal(
        decodeMessage({ ...raw, headers: { ...raw.headers, ...headers } }).kind,
        'damaged',
        JSON.stringify(headers),
      )
    for (const wrong of [{ key: 'a/0/1/1' }, { key: null }, { value: null }])
      assert.equal(decodeMessage({ ...raw, ...wrong }).kind, 'damaged')
  })

  it('cut to fit lose nothing and double nothing: the parts hold the places, and add up to the sums', () => {
    fc.assert(
      fc.property(
        fc.array(tallies, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 200, max: 4_000 }),
        (whole, bytesMax) => {
          const parts = cutTallies(whole, bytesMax)
          for (const texts of parts) if (texts.length > 1) assert.ok(Buffer.byteLength(texts.join(',')) <= bytesMax)
          const id = { node: 'a', worker: 0, boot: 1, shard: 0, seq: 1 }
          const decoded = parts.flatMap((texts) => talliesIn(texts, id))
          assert.deepEqual(sumsOf(decoded), sumsOf(whole))
        },
      ),
      { numRuns: 200 },
    )
  })
})

/** Arbitrary objects have no prototype. */
function plain<T>(value: T): T {
  return structuredClone(value)
}

function rawOf({ key, headers, value }: Envelope): RawMessage {
  return {
    key: Buffer.from(key),
    value,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  }
}

function talliesIn(
  texts: readonly string[],
  id: { node: string; worker: number; boot: number; shard: number; seq: number },
): readonly Tally[] {
  const envelope = encodeMessage({ kind: 'tallies', id, from: 0, to: 1, tallies: [] })
  const value = Buffer.from(envelope.value.toString().replace('"tallies":[]', () => `"tallies":[${texts.join(',')}]`))
  const message = decodeMessage(rawOf({ ...envelope, value }))
  assert.ok(message.kind === 'tallies', JSON.stringify(message))
  return message.tallies
}

/** By stream, view and agreement: how often each record stands in the ranges, and the sums. */
function sumsOf(some: readonly Tally[]): { [key: string]: unknown } {
  const sums: { [key: string]: { records: { [place: string]: number }; delivered: number; bytes: number } } = {}
  for (const { stream, epoch, log, view, partitions, offsets, sizes, ages, shares } of some)
    for (const { agreement, plan, planVersion, ranges, delivered, deliveredBytes } of shares) {
      const sum = (sums[[stream, epoch, log, view, agreement, plan, planVersion].join()] ??= {
        records: {},
        delivered: 0,
        bytes: 0,
      })
      sum.delivered += delivered
      sum.bytes += deliveredBytes
      for (const [from, to] of ranges)
        for (let i = from; i < to; i++) {
          const place = [partitions[i], offsets[i], sizes[i], ages[i]].join()
          sum.records[place] = (sum.records[place] ?? 0) + 1
        }
    }
  return Object.fromEntries(Object.entries(sums).filter(([, { records }]) => Object.keys(records).length > 0))
}
