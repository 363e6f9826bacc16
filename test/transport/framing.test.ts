import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { Bench } from '../integration/support/bench.ts'
import { product, stream } from '../integration/support/product.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'

const RUNS = 25
/** What has broken framings before. */
const NASTY = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\0',
  '\u2028',
  '\u2029',
  '</script>',
  'data: x',
  ':',
  '"',
  '\\',
  '\\u0000',
  '\ufeff',
  '\ud83d\ude00',
  '\ud800',
  'id: w1.x\n\n',
]

const text = fc
  .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 8 })
  .map((parts) => parts.join(''))
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  text.map((one) => new Uint8Array(Buffer.from(one))),
)
const json = fc.oneof(fc.jsonValue(), text, fc.dictionary(text, text, { maxKeys: 4 }))
/** White space where JSON allows it, line breaks above all. */
const spaced = fc
  .tuple(json, fc.constantFrom('', '\n', '\r\n', '\t'))
  .map(
    ([value, gap]) => `${gap}${JSON.stringify(value, null, gap.trim() === '' && gap !== '' ? '\n' : undefined)}${gap}`,
  )
const value = fc.oneof(
  fc.constant(null),
  bytes,
  spaced.map((one) => new Uint8Array(Buffer.from(one))),
)
const record = fc.record({ key: fc.option(bytes), value, header: bytes })

interface Produced {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly header: Uint8Array
}

describe('framing', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.start({ products: [product({ streams: [stream({ partitions: 1 })] })] })
  })
  after(() => bench.close())

  it('no bytes of a value, key or header break an event stream or a message: each comes alone and as it was', async () => {
    let produced = 0
    const token = bench.token()
    const sse = new SseClient(bench.stream, { token })
    const webSocket = new WsClient(bench.stream, { token })
    await until('both to ride', () => bench.hub.stats().riding === 2 || null)
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records: readonly Produced[]) => {
        const seen = [sse.frames.length, webSocket.frames.length] as const
        for (const one of records) {
          bench.memory.append('quakes.v1', { key: one.key, value: one.value, headers: [['source', one.header]] })
        }
        const first = produced
        produced += records.length
        const from = (frames: readonly Frame[], at: number): Frame[] => frames.slice(at).filter(({ id }) => id !== '0')
        await until(
          'all of them',
          () =>
            from(sse.frames, seen[0]).length >= records.length &&
            from(webSocket.frames, seen[1]).length >= records.length,
        )
        for (const frames of [from(sse.frames, seen[0]), from(webSocket.frames, seen[1])]) {
          assert.equal(frames.length, records.length)
          records.forEach((one, i) => assertFramed(frames[i] as Frame, one, `0-${first + i}`))
        }
      }),
      { numRuns: RUNS },
    )
    assert.deepEqual(bench.faults, [])
    sse.destroy()
    webSocket.destroy()
    await until('both to have left', () => bench.admissions.live === 0 || null)
  })

  it('a value of a million bytes and one nested two thousand deep arrive whole', async () => {
    const sse = new SseClient(bench.stream, { token: bench.token() })
    const webSocket = new WsClient(bench.stream, { token: bench.token() })
    await until('both to ride', () => bench.hub.stats().riding === 2 || null)
    const values = [`"${'\\n\u00e9'.repeat(260_000)}"`, `${'['.repeat(2_000)}${']'.repeat(2_000)}`]
    for (const one of values) bench.append(Buffer.from(one))
    for (const client of [sse, webSocket]) {
      await until('both', () => client.records.length === values.length || null)
      values.forEach((one, i) =>
        assert.equal(JSON.stringify(client.records[i]?.['data']), JSON.stringify(JSON.parse(one))),
      )
    }
    sse.destroy()
    webSocket.destroy()
  })
})

function assertFramed(frame: Frame, { key, value: payload, header }: Produced, id: string): void {
  assert.equal(frame['id'], id)
  const parsed = parse(payload)
  if (parsed === undefined) {
    assert.equal(frame.type, 'invalid')
    assert.equal(frame['bytes'], Buffer.from(payload as Uint8Array).toString('base64'))
    return
  }
  assert.equal(frame.type, 'record')
  assert.equal(JSON.stringify(frame['data']), JSON.stringify(parsed))
  assert.equal(frame['key'], key === null ? null : Buffer.from(key).toString('utf8'))
  assert.deepEqual(frame['headers'], { source: Buffer.from(header).toString('utf8') })
}

/** What a strict reader makes of the payload; undefined where it is no JSON in UTF-8. */
function parse(payload: Uint8Array | null): unknown {
  if (payload === null) return null
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)) as unknown
  } catch {
    return undefined
  }
}
