import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Bench } from '../integration/support/bench.ts'
import { OPCODES, RawWebSocket, type RawFrame } from '../integration/support/rawWebSocket.ts'
import { until } from '../integration/support/until.ts'

const { continuation, text, binary, close, ping, pong } = OPCODES
/** A message that is answered by a text, so that one sees whether it was taken. */
const ASK: RawFrame = { opcode: text, payload: '{"type":"ping"}' }
const HALVES: readonly RawFrame[] = [
  { opcode: text, payload: '{"type":', fin: false },
  { opcode: continuation, payload: '"ping"}' },
]
const hex = (bytes: string): Buffer => Buffer.from(bytes, 'hex')
const closing = (code: number, reason: Uint8Array | string = ''): RawFrame => ({
  opcode: close,
  payload: Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]),
})
const longText = (bytes: number): string => JSON.stringify({ type: 'ping', pad: 'x'.repeat(bytes - 24) })

/** Bytes that are no UTF-8 (RFC 3629 §3, §4). */
const NOT_UTF8: readonly (readonly [string, string])[] = [
  ['a byte that never stands in it', '22ff22'],
  ['an overlong NUL', '22c08022'],
  ['half a surrogate pair', '22eda08022'],
  ['what lies above U+10FFFF', '22f490808022'],
  ['a character that is cut off', '22f09f98'],
]

/** Clause, what the client does, its frames: after them the connection is failed, and nothing behind them is served. */
const FAILED: readonly (readonly [string, string, readonly RawFrame[]])[] = [
  ...[1, 2, 4, 7].map((rsv) => ['5.2', `reserved bits ${rsv} in a text`, [{ ...ASK, rsv }]] as const),
  ['5.2', 'a reserved bit in a ping', [{ opcode: ping, payload: 'x', rsv: 4 }]],
  ['5.2', 'a reserved bit in a close', [{ ...closing(1000), rsv: 1 }]],
  ['5.2', 'a reserved bit in a continuation', [HALVES[0] as RawFrame, { ...(HALVES[1] as RawFrame), rsv: 4 }]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode) => ['5.2', `the reserved opcode ${opcode}`, [{ opcode, payload: 'x' }]] as const,
  ),
  ['5.2', 'a length of 2^63, whose highest bit must be 0', [{ ...ASK, lengthBytes: 8, length: 1n << 63n }]],
  ['10.4', 'a length of 2^62, before a byte of it has come', [{ ...ASK, payload: '', length: 1n << 62n }]],
  ['10.4', 'a message beyond all measure', [{ ...ASK, payload: '', length: 262_145n }]],
  [
    '10.4',
    'fragments that are together beyond all measure',
    [
      { opcode: text, payload: longText(200_000), fin: false },
      { opcode: continuation, payload: longText(100_000), fin: false },
    ],
  ],
  ['5.4', 'a continuation of nothing', [{ opcode: continuation, payload: '{"type":"ping"}' }]],
  ['5.4', 'a text amid the fragments of another', [HALVES[0] as RawFrame, ASK]],
  ['5.4', 'a message that goes on after its last fragment', [...HALVES, { opcode: continuation, payload: '{}' }]],
  ['5.5', 'a ping in fragments', [{ opcode: ping, payload: 'x', fin: false }]],
  ['5.5', 'a close in fragments', [{ ...closing(1000), fin: false }]],
  ['5.5', 'a ping of 126 bytes', [{ opcode: ping, payload: 'x'.repeat(126) }]],
  ['5.5', 'a pong of 126 bytes', [{ opcode: pong, payload: 'x'.repeat(126) }]],
  ['5.5', 'a close of 126 bytes', [closing(1000, 'x'.repeat(124))]],
  ...NOT_UTF8.map(([what, bytes]) => ['8.1', what, [{ opcode: text, payload: hex(bytes) }]] as const),
  ...NOT_UTF8.map(([what, bytes]) => ['8.1', `${what}, split over fragments`, split(hex(bytes))] as const),
]

/** Clause, frames, the texts' types and the payloads of pongs that come back; the connection stays. */
const SERVED: readonly (readonly [string, string, readonly RawFrame[], readonly string[], readonly string[]])[] = [
  ['5.2', 'a length in two bytes', [{ opcode: text, payload: longText(126) }], ['pong'], []],
  ['5.2', 'a length in eight bytes', [{ opcode: text, payload: longText(65_536 - 8), lengthBytes: 8 }], ['pong'], []],
  ['5.4', 'a text in two fragments', HALVES, ['pong'], []],
  ['5.4', 'a text in fragments of a byte', split(Buffer.from('{"type":"ping"}')), ['pong'], []],
  [
    '5.4',
    'empty fragments around a text',
    [
      { opcode: text, payload: '', fin: false },
      { opcode: continuation, payload: '{"type":"ping"}', fin: false },
      { opcode: continuation, payload: '' },
    ],
    ['pong'],
    [],
  ],
  [
    '5.4',
    'a ping between two fragments, answered before the text is whole',
    [HALVES[0] as RawFrame, { opcode: ping, payload: 'amid' }, HALVES[1] as RawFrame],
    ['pong'],
    ['amid'],
  ],
  ['5.5.2', 'an empty ping', [{ opcode: ping }], [], ['']],
  ['5.5.2', 'a ping of 125 bytes', [{ opcode: ping, payload: 'y'.repeat(125) }], [], ['y'.repeat(125)]],
  [
    '5.5.2',
    'ten pings in one write',
    Array.from({ length: 10 }, (_, n) => ({ opcode: ping, payload: `${n}` })),
    [],
    Array.from({ length: 10 }, (_, n) => `${n}`),
  ],
  ['5.5.3', 'pongs that nobody asked for', [{ opcode: pong }, { opcode: pong, payload: 'x' }, ASK], ['pong'], []],
  [
    '5.6',
    'characters of several bytes, split within',
    split(Buffer.from('{"type":"unsubscribe","id":"é😀"}')),
    ['error'],
    [],
  ],
]

/** Close codes that a client may send (§7.4.1, §7.4.2), and some that nobody may. */
const GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
const BAD_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]

describe('WebSocket frames by RFC 6455', { concurrency: 8 }, () => {
  let bench: Bench
  let bystander: RawWebSocket
  const clients: RawWebSocket[] = []
  before(async () => {
    bench = await Bench.start()
    bystander = await session()
  })
  after(async () => {
    bystander.send(ASK)
    await bystander.text('pong')
    for (const client of clients) client.destroy()
    await until('everybody to have left', () => bench.admissions.live === 0)
    assert.deepEqual(bench.faults, [])
    await bench.close()
  })

  const headers = (): { readonly [name: string]: string } => ({ Authorization: `Bearer ${bench.token()}` })
  async function session(): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(`${bench.url}/streams`, headers())
    clients.push(client)
    await client.text('welcome')
    return client
  }
  /** Texts behind `welcome`. */
  const types = (client: RawWebSocket): string[] =>
    client.texts.slice(1).map((one) => (JSON.parse(one) as { type: string }).type)

  for (const [clause, what, frames] of FAILED) {
    it(`§${clause}: ${what} fails the connection, and nothing behind is served`, async () => {
      const client = await session()
      client.send(...frames, ASK)
      // §7.1.7: a close frame before the end is what one should send, and may leave out.
      assert.ok([null, 1002, 1007, 1009].includes(await client.closed()))
      assert.ok(types(client).length <= (what.includes('after its last') ? 1 : 0))
    })
  }

  for (const [clause, what, frames, texts, pongs] of SERVED) {
    for (const how of ['send', 'trickle'] as const) {
      it(`§${clause}: ${what}${how === 'send' ? '' : ', a byte a write'}, is served`, async () => {
        const client = await session()
        // Bytes of some frames are too many to send one by one.
        const few = frames.every(({ payload = '' }) => payload.length < 1_000)
        await client[few ? how : 'send'](...frames)
        await until('the answers', () => types(client).length >= texts.length && client.of(pong).length >= pongs.length)
        assert.deepEqual(types(client), texts)
        assert.deepEqual(client.of(pong).map(String), pongs)
        assert.ok(client.frames.every(({ fin, rsv }) => fin && rsv === 0))
        client.send(closing(1000))
        assert.equal(await client.closed(), 1000)
      })
    }
  }

  it('§5.4: a binary amid the fragments of a text ends the session, and nothing behind is served', async () => {
    const client = await session()
    client.send(HALVES[0] as RawFrame, { opcode: binary, payload: '1' }, HALVES[1] as RawFrame, ASK)
    // Where the socket library lets it pass, the session knows no binary frames.
    assert.ok([null, 1002, 4400].includes(await client.closed()))
    assert.ok(!types(client).includes('pong'))
  })

  it('§5.1: an unmasked frame is never read as what it says', async () => {
    const client = await session()
    for (let n = 0; n < 3; n++) client.send({ ...ASK, masked: false })
    await client.closed()
    assert.ok(!types(client).includes('pong'))
  })

  for (const code of GOOD_CODES) {
    it(`§5.5.1: a close with ${code} is answered by a close, and nothing behind is served`, async () => {
      const client = await session()
      client.send(closing(code, 'bye é'), ASK)
      assert.ok([code, 1005].includes((await client.closed()) as number))
      assert.deepEqual(types(client), [])
    })
  }

  const CLOSES: readonly (readonly [string, string, RawFrame])[] = [
    ...BAD_CODES.map((code) => ['7.4', `the code ${code}, which nobody may send`, closing(code)] as const),
    ['5.5.1', 'half a code', { opcode: close, payload: Buffer.of(3) }],
    ['5.5.1', 'no code', { opcode: close }],
    ['8.1', 'a reason that is no UTF-8', closing(1000, hex('ff'))],
  ]
  for (const [clause, what, frame] of CLOSES) {
    it(`§${clause}: a close with ${what} ends the connection, and is never repeated`, async () => {
      const client = await session()
      client.send(frame, ASK)
      assert.ok([null, 1002, 1005, 1007].includes(await client.closed()))
      assert.deepEqual(
        [types(client), client.of(close).every(({ length }) => length === 0 || length === 2)],
        [[], true],
      )
    })
  }

  it('§7.1.1: a client that ends its half of the line, or cuts it, leaves nothing behind', async () => {
    const [ending, cut] = [await session(), await session()]
    ending.socket.end()
    cut.socket.resetAndDestroy()
    await ending.closed()
    await until('both to be gone', () => ending.ended && cut.ended)
  })

  const HANDSHAKES: readonly (readonly [string, { readonly [name: string]: string }])[] = [
    ['another version', { 'Sec-WebSocket-Version': '8' }],
    ['no version', { 'Sec-WebSocket-Version': '' }],
    ['a key that is no base64', { 'Sec-WebSocket-Key': '!'.repeat(24) }],
    ['a key of 17 bytes', { 'Sec-WebSocket-Key': 'A'.repeat(23) + '=' }],
    ['another protocol to upgrade to', { Upgrade: 'h2c' }],
    ['no upgrade among what the connection is for', { Connection: 'keep-alive' }],
  ]
  for (const [what, wrong] of HANDSHAKES) {
    it(`§4.2: a handshake with ${what} is refused, and told which version is spoken`, async () => {
      const client = new RawWebSocket(`${bench.url}/streams`, { ...headers(), ...wrong })
      clients.push(client)
      const head = await client.answered()
      assert.match(head, /^HTTP\/1\.1 400 /)
      assert.match(head, /^sec-websocket-version: 13\r?$/im)
    })
  }

  // The request line stands in the first piece: uWS answers 505 where that is split.
  for (const pieceBytes of [1_400, 4_096, 5_000, 700, 60]) {
    it(`§4.1: a handshake whose token has 12 KB, in pieces of ${pieceBytes}, opens; a bad one is told by \`closing\``, async () => {
      const good = bench.token({ text: 'a'.repeat(12_000) + pieceBytes })
      for (const [token, first] of [
        [good, 'subscribed'],
        ['b'.repeat(12_000), 'closing'],
      ] as const) {
        const protocols = { 'Sec-WebSocket-Protocol': `weir.v1, bearer.${token}` }
        const client = new RawWebSocket(bench.stream, protocols, pieceBytes)
        clients.push(client)
        assert.match(await until('the head', () => client.head || null, 30_000), /^HTTP\/1\.1 101 /)
        assert.match(client.head, /^sec-websocket-protocol: weir\.v1\r?$/im)
        const frame = await client.text(first)
        if (first === 'closing') assert.deepEqual([frame['code'], await client.closed()], [4401, 4401])
      }
    })
  }

  it('peers that vanish without a word are let go, while one that answers pings stays', async () => {
    const { listenEcho, settingsOf } = await import('../autobahn/echo.ts')
    const { idleTimeout, sendPingsAutomatically } = settingsOf(bench.admissions)
    assert.deepEqual([idleTimeout, sendPingsAutomatically], [60, true])
    // The shortest that uWS takes, s.
    const echo = await listenEcho(bench.admissions, { idleTimeout: 8 })
    const url = echo.url.replace(/^ws/, 'http')
    const [silent, lively] = [await RawWebSocket.open(url), await RawWebSocket.open(url)]
    let answered = 0
    await until(
      'the silent one to be let go',
      () => {
        for (; answered < lively.of(ping).length; answered++) lively.send({ opcode: pong })
        return silent.ended
      },
      40_000,
    )
    assert.ok(answered > 0)
    lively.send({ opcode: text, payload: 'here' })
    await until('the echo', () => lively.texts.includes('here'))
    for (const client of [silent, lively]) client.destroy()
    echo.close()
  })
})

/** A text, each byte of it a fragment. */
function split(bytes: Buffer): RawFrame[] {
  return [...bytes].map((byte, at) => ({
    opcode: at === 0 ? text : continuation,
    payload: Buffer.of(byte),
    fin: at === bytes.length - 1,
  }))
}
