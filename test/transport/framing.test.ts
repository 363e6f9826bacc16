import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { Bench } from '../integration/support/bench.ts'
import { product, stream } from '../integration/support/product.ts'
import { seedOfRun } from '../integration/support/random.ts'
import { until } from '../integration/support/until.ts'
import { readEvents, readLines, readWebSocket, type Came, type Format, type FramedReader } from './framedReaders.ts'

const RUNS = 150
const RECORDS_MIN = 300
/** What has broken framings before. */
const NASTY = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\n\n',
    '\0',
    '\u2028',
    '\u2029',
    '\u0085',
    '</script>',
    'data: x',
    ':',
    '"',
    '\\',
    '\\u0000',
  ],
  ...['\ufeff', '\ud83d\ude00', '\ud800', 'id: w1.x\n\n', '}', ']}\n', '","cursor":"w1.x"', 'event: closing\n'],
]
/** JSON that survives only as text: a parser that writes it anew would change it. */
const AS_PRODUCED = [
  ...['1e400', '-0', '123456789012345678901234567890.10', '{"a":1,"a":2,"a":3}', '"\\ud800"', '"\\u2028"', '"\u2028"'],
  ...['"</script>"', '{"__proto__":{"x":1}}', '{"":{"":[]}}', '{"type":"closing","cursor":"w1.x"}', '"\\r\\n\\u0000"'],
  ...['[1,\n2,\r3,\r\n\r\n4]', '\n\n{"data"\n:\n"id: x"}\n\n', `${'['.repeat(500)}1${']'.repeat(500)}`],
]
/** Each once, at the end: they take their time. */
const LARGE = [
  `"${'\\n\u00e9'.repeat(250_000)}"`,
  `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  `${'{"a":'.repeat(10_000)}null${'}'.repeat(10_000)}`,
  `[${'\r\n'.repeat(200_000)}1]`,
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
  fc.oneof(spaced, fc.constantFrom(...AS_PRODUCED)).map((one) => new Uint8Array(Buffer.from(one))),
)
const record = fc.record({ key: fc.option(bytes), value, header: bytes })

interface Produced {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly header: Uint8Array
}

describe('framing', () => {
  const seed = seedOfRun()
  let bench: Bench
  let readers: readonly FramedReader[]
  before(async () => {
    console.log(`WEIR_TEST_SEED=${seed}`)
    bench = await Bench.start({ products: [product({ streams: [stream({ partitions: 1 })] })] })
    const token = bench.token()
    const formats: readonly Format[] = ['record', 'cloudevents', 'raw']
    readers = formats.flatMap((format) => [
      readWebSocket(bench.stream, token, format),
      readEvents(bench.stream, token, format),
      ...(format === 'raw' ? [] : [readLines(bench.stream, token, format)]),
    ])
    await until('all to ride', () => bench.hub.stats().riding === readers.length)
  })
  after(async () => {
    for (const reader of readers) reader.destroy()
    await until('all to have left', () => bench.admissions.live === 0)
    assert.deepEqual(bench.faults, [])
    await bench.close()
  })

  let produced = 0
  /** Appends them, and holds what comes, in each format and over each transport, to them. */
  async function passWhole(records: readonly Produced[]): Promise<void> {
    const seen = readers.map((reader) => framesOf(reader).length)
    const first = produced
    for (const { key, value: payload, header } of records) {
      bench.memory.append('quakes.v1', { key, value: payload, headers: [['source', header]] })
    }
    produced += records.length
    for (const [i, reader] of readers.entries()) {
      const came = (): readonly Came[] => framesOf(reader).slice(seen[i])
      await until(
        () => `${records.length} over ${reader.name}, there are ${came().length}; WEIR_TEST_SEED=${seed}`,
        () => came().length >= records.length,
        30_000,
      )
      assert.equal(came().length, records.length, reader.name)
      records.forEach((one, at) => assertFramed(reader, came()[at] as Came, one, `0-${first + at}`))
    }
    for (const format of ['record', 'cloudevents'] as const) await assertPaged(format, records, first)
  }

  /** As one page, or more where a page has no room for all, each found by the cursor of the one before. */
  async function assertPaged(format: Format, records: readonly Produced[], first: number): Promise<void> {
    const reader = { name: `page, ${format}`, format }
    let [from, at] = [cursor, 0]
    while (at < records.length) {
      const headers = { Authorization: `Bearer ${bench.token()}` }
      const answer = await fetch(`${bench.stream}?from=${from}&limit=1000&format=${format}`, { headers })
      const whole = await answer.text()
      const page = JSON.parse(whole) as { readonly records: readonly object[]; readonly cursor: string }
      assert.ok(page.records.length > 0, whole.slice(0, 200))
      // A record is a line of a page, so that its own text can be seen as well.
      const lines = whole.replace(/^\{"records":\[/, '').split('\n')
      for (const [i] of page.records.entries()) {
        const line = (lines[i] as string).replace(/^,/, '')
        assertFramed(reader, { text: line, bytes: Buffer.from(line) }, records[at] as Produced, `0-${first + at}`)
        at++
      }
      from = page.cursor
    }
    if (format === 'cloudevents') cursor = from
  }
  let cursor = 'earliest'

  it('no bytes of a value, key or header break any format over any transport: each comes alone and as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 4, maxLength: 20 }), passWhole),
      // A smaller failure would be one of the records behind the first failure.
      { numRuns: RUNS, seed, endOnFailure: true },
    )
    assert.ok(produced >= RECORDS_MIN, `only ${produced} records`)
  })

  for (const one of LARGE) {
    it(`a value of ${one.length} characters that begins with ${JSON.stringify(one.slice(0, 6))} arrives whole`, () =>
      passWhole([{ key: null, value: Buffer.from(one), header: Buffer.from('x') }]))
  }
})

/** What is a record, or stands for one. */
function framesOf({ format, came, name }: FramedReader): readonly Came[] {
  assert.ok(!came.some(({ event }) => event === 'broken'), `${name}: an event stream that its parser refuses`)
  return came.filter(({ text: one, event, binary }) => {
    if (format === 'raw')
      return (
        binary === true ||
        event === 'invalid' ||
        (binary === undefined ? event === undefined : one.startsWith('{"type":"invalid"'))
      )
    return format === 'record' ? /^\{"type":"(?:record|invalid)"/.test(one) : one.startsWith('{"specversion"')
  })
}

interface Shape {
  readonly id: string
  readonly type: string
  readonly key?: string
  readonly headers?: object
  readonly bytes?: string
  readonly partitionkey?: string
  readonly data?: { readonly bytes?: string }
}

function assertFramed(
  { name, format }: Pick<FramedReader, 'name' | 'format'>,
  { text: came, bytes: raw, event, binary }: Came,
  { key, value: payload, header }: Produced,
  id: string,
): void {
  const kept = asProduced(payload)
  const oneLine = kept?.replace(/[\r\n]/g, ' ')
  if (format === 'raw' && kept !== undefined) {
    assert.ok(event === undefined && binary !== false, name)
    if (binary) assert.deepEqual(raw, Buffer.from(kept), name)
    else assert.equal(came, oneLine, name)
    return
  }
  const frame = JSON.parse(came) as Shape
  assert.equal(frame.id, id, name)
  const { bytes: shown } = format === 'cloudevents' ? (frame.data ?? {}) : frame
  if (kept === undefined) {
    assert.equal(frame.type, format === 'cloudevents' ? 'io.weir.invalid' : 'invalid', name)
    assert.equal(shown, Buffer.from(payload as Uint8Array).toString('base64'), name)
    return
  }
  assert.ok(came.endsWith(`"data":${oneLine}}`), `${name}: the payload's own text`)
  if (format === 'cloudevents') return assert.equal(frame.partitionkey, key?.length ? attribute(key) : undefined, name)
  assert.equal(frame.type, 'record', name)
  assert.equal(frame.key, key === null ? null : Buffer.from(key).toString('utf8'), name)
  assert.deepEqual(frame.headers, { source: Buffer.from(header).toString('utf8') }, name)
}

function attribute(key: Uint8Array): string {
  return Buffer.from(key)
    .toString('utf8')
    .replace(/[\p{Cc}\p{Noncharacter_Code_Point}]/gu, '\ufffd')
}

/** The payload as text; undefined where a strict reader takes it for no JSON in UTF-8. */
function asProduced(payload: Uint8Array | null): string | undefined {
  if (payload === null) return 'null'
  try {
    const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
    JSON.parse(whole)
    return whole
  } catch {
    return undefined
  }
}
