import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { Bench } from '../integration/support/bench.ts'
import { LinesClient, type LinesOptions } from '../integration/support/lines.ts'
import { until } from '../integration/support/until.ts'

describe('NDJSON', () => {
  let bench: Bench
  const clients: { destroy(): void }[] = []
  const kept = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client)
    return client
  }
  before(async () => {
    bench = await Bench.start()
  })
  afterEach(async () => {
    clients.splice(0).forEach((client) => client.destroy())
    await until('everybody to have left', () => bench.admissions.live === 0 || null)
    assert.deepEqual(bench.faults, [])
    assert.equal(bench.admissions.counters.dropped, 0)
  })
  after(() => bench.close())

  const listen = (query = '', options: LinesOptions = {}, at = bench): LinesClient =>
    kept(new LinesClient(`${at.stream}${query}`, { token: at.token(), ...options }))
  const riding = async (query = '', options: LinesOptions = {}): Promise<LinesClient> => {
    const client = listen(query, options)
    await until('it to ride', () => bench.hub.stats().riding === clients.length || null)
    return client
  }

  it('the first line is the cursor it starts at, and the answer is not to be stored or buffered', async () => {
    const client = await riding()
    await client.frame('position')
    assert.deepEqual(Object.keys(client.frames[0] ?? {}), ['type', 'cursor'])
    assert.equal(client.status, 200)
    assert.equal(client.headers['content-type'], 'application/x-ndjson; charset=utf-8')
    assert.equal(client.headers['cache-control'], 'no-store')
    assert.equal(client.headers['x-accel-buffering'], 'no')
  })

  it('each record is one line without a view, and no line is empty, live and replayed', async () => {
    const client = await riding()
    const text = 'a\nb\r\n\u2028 c'
    for (let n = 0; n < 50; n++) bench.append({ n, text }, { partition: n % 2, key: 'k\n' })
    await until('50 records', () => client.records.length === 50 || null)
    const again = listen(`?from=${client.frames[0]?.['cursor'] as string}`)
    await until('50 records', () => again.records.length === 50 || null)
    for (const { lines, records } of [client, again]) {
      assert.deepEqual(Object.keys(records[0] ?? {}), ['type', 'id', 'cursor', 'time', 'key', 'headers', 'data'])
      assert.deepEqual(
        records.map(({ data }) => (data as { n: number }).n).sort((a, b) => a - b),
        [...Array(50).keys()],
      )
      assert.deepEqual(records[0]?.['data'], { n: 0, text })
      assert.equal(
        lines.every((line) => line.trim() !== ''),
        true,
      )
    }
  })

  it('a lone record reaches at once who takes nothing but whole chunks', async () => {
    const strict = kept(await StrictChunks.get(bench.stream, bench.token()))
    await until('the first line', () => strict.lines.length === 1 || null)
    for (const chars of [1, 15_900, 16_100, 17_000, 100_000]) {
      const before = strict.lines.length
      bench.append({ text: 'x'.repeat(chars) })
      await until(`the record of ${chars} characters`, () => strict.lines.length > before || null)
      assert.equal((JSON.parse(strict.lines.at(-1) as string) as { data: { text: string } }).data.text.length, chars)
    }
  })

  it('curl -N shows a lone record at once', async () => {
    const child = kept(
      new Curl([
        '-sN',
        '-H',
        'Accept: application/x-ndjson',
        '-H',
        `Authorization: Bearer ${bench.token()}`,
        bench.stream,
      ]),
    )
    await until('the first line', () => child.text.includes('\n') || null)
    bench.append({ n: 'curl' })
    await until('the record', () => /\{"n":"curl"\}\}\n/.test(child.text) || null)
  })

  it('a quiet stream sends `position` every 15 s, and one can go on from it', async () => {
    const client = await riding()
    await client.frame('position')
    bench.pass(15_000)
    await until('a heartbeat', () => client.frames.length === 2 || null)
    const beat = client.frames[1]
    assert.deepEqual(Object.keys(beat ?? {}), ['type', 'cursor'])
    client.destroy()
    bench.append({ n: 'missed' })
    const again = listen(`?from=${beat?.['cursor'] as string}`)
    await until('the record', () => again.records.length === 1 || null)
    assert.deepEqual(again.records[0]?.['data'], { n: 'missed' })
  })

  it('what is not a record is a line, too: gaps, notices, and the last one, `closing`', async () => {
    const own = await Bench.start()
    own.append({ n: 0 }, { partition: 0 })
    const start = listen('?from=earliest', {}, own)
    await until('the record', () => start.records.length === 1 || null)
    own.append({ n: 1 }, { partition: 0 })
    own.append({ n: 2 }, { partition: 0 })
    own.memory.deleteRecordsBefore('quakes.v1', 0, 2)
    const client = listen(
      '',
      { token: own.token({ ttlMs: 90_000 }), headers: { 'Last-Event-ID': start.records[0]?.['cursor'] as string } },
      own,
    )
    await until('the record', () => client.records.length === 1 || null)
    own.pass(60_000)
    assert.equal((await client.frame('notice'))['kind'], 'token-expiring')
    own.pass(30_000)
    const closing = await client.frame('closing')
    await until('the end', () => client.ended || null)
    const types = client.frames.map(({ type }) => type)
    assert.deepEqual(
      types.filter((type) => type !== 'position'),
      ['gap', 'record', 'notice', 'closing'],
    )
    assert.equal(client.frames.find(({ type }) => type === 'gap')?.['reason'], 'retention')
    assert.deepEqual([closing['error'], closing['retry']], ['token-expired', 'new-token'])
    assert.deepEqual(closing['cursors'], { '0': client.records[0]?.['cursor'] })
    assert.equal(client.lines.at(-1)?.trim(), JSON.stringify(closing))
    await own.close()
  })

  it('a client that asks for what a line cannot hold, or for the end of what has none, is refused by name', async () => {
    for (const [query, parameter] of [
      ['?format=raw', 'format'],
      ['?limit=7', 'limit'],
      ['?wait=PT1S', 'wait'],
    ] as const) {
      const client = listen(query)
      await until('a problem', () => (client.status === 400 && client.ended) || null)
      const problem = JSON.parse(client.body) as { code: string; parameter: string; detail: string }
      assert.deepEqual([problem.code, problem.parameter], ['bad-parameter', parameter])
      if (parameter !== 'format') assert.match(problem.detail, /belongs to pages/)
    }
  })

  it('what can be waited out is a status here, with the time to wait', async () => {
    const full = await Bench.start({ limits: { connectionsMax: 1 } })
    const first = listen('', {}, full)
    await until('the first line', () => first.frames[0])
    const second = listen('', {}, full)
    await until('the refusal', () => (second.status === 429 && second.ended) || null)
    assert.match(second.headers['retry-after'] as string, /^\d+$/)
    first.destroy()
    await until('the place to be free', () => full.admissions.live === 0 || null)
    full.memory.deleteTopic('quakes.v1')
    const third = listen('?from=earliest', {}, full)
    await until('the refusal', () => (third.status === 503 && third.ended) || null)
    assert.equal((JSON.parse(third.body) as { code: string }).code, 'source-unavailable')
    await full.close()
  })

  it('a client that does not read delays nobody else, and loses nothing once it does', async () => {
    const seen: string[] = []
    const slow = await riding('', { onLine: (line) => void seen.push(line) })
    const quick = await riding()
    slow.pause()
    const text = 'x'.repeat(8_000)
    const COUNT = 3_000
    for (let n = 0; n < COUNT; n++) bench.append({ n, text }, { partition: n % 2 })
    await until(
      () => `${COUNT} records, there are ${quick.records.length}`,
      () => quick.records.length === COUNT || null,
    )
    assert.equal(bench.hub.stats().riding, 1)
    slow.resume()
    await until(
      () => `${COUNT} records, there are ${seen.length - 1}`,
      () => seen.length > COUNT || null,
      20_000,
    )
    const frames = seen.map((line) => JSON.parse(line) as { type: string; id: string; data: { n: number } })
    const numbers = frames.filter(({ type }) => type === 'record').map(({ data }) => data.n)
    for (const partition of [0, 1]) {
      const own = numbers.filter((n) => n % 2 === partition)
      assert.deepEqual(
        own,
        Array.from({ length: COUNT / 2 }, (_, i) => i * 2 + partition),
      )
    }
  })

  it('a client that left is forgotten', async () => {
    const client = await riding()
    client.destroy()
    await until(
      'nobody to be left',
      () => (bench.admissions.live === 0 && bench.hub.stats().subscriptions === 0) || null,
    )
  })
})

/** Reads lines as clients do that take a chunk only once its end has come (RFC 9112 §7.1). */
class StrictChunks {
  text = ''
  #raw = ''
  readonly #socket: Socket

  static async get(url: string, token: string): Promise<StrictChunks> {
    const { hostname, port, pathname } = new URL(url)
    const socket = connect(Number(port), hostname)
    await new Promise((resolve) => {
      socket.once('connect', resolve)
    })
    const head = `GET ${pathname} HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\nAuthorization: Bearer ${token}\r\n\r\n`
    return new StrictChunks(socket, head)
  }

  private constructor(socket: Socket, head: string) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    socket.write(head)
  }

  /** Whole lines of whole chunks. */
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#raw = (this.#raw + text).replace(/^HTTP[^]*?\r\n\r\n/, '')
    for (;;) {
      const size = /^([0-9a-f]+)\r\n/i.exec(this.#raw)
      if (!size) return
      const from = size[0].length
      const end = from + Number.parseInt(size[1] as string, 16)
      if (this.#raw.slice(end, end + 2) !== '\r\n') return
      this.text += this.#raw.slice(from, end)
      this.#raw = this.#raw.slice(end + 2)
    }
  }
}

class Curl {
  text = ''
  readonly #child: ReturnType<typeof spawn>

  constructor(args: readonly string[]) {
    this.#child = spawn('curl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.text += bytes.toString()))
  }

  destroy(): void {
    this.#child.kill()
  }
}
