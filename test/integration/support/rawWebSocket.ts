import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { until } from './until.ts'

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** One frame as it goes out (RFC 6455 §5.2); what is not said is as it should be. */
export interface RawFrame {
  readonly opcode: number
  readonly payload?: Uint8Array | string
  /** Whether it is the last one of its message. */
  readonly fin?: boolean
  /** The three reserved bits, as a number. */
  readonly rsv?: number
  readonly masked?: boolean
  /** How many bytes tell the length: 0 where the second byte holds it, else 2 or 8. */
  readonly lengthBytes?: 0 | 2 | 8
  /** A length that is not the payload's. */
  readonly length?: bigint
}

/** What came back, whole frames only: a gateway that sends fragments would be told here as what it is. */
export interface CameBack {
  readonly opcode: number
  readonly fin: boolean
  readonly rsv: number
  readonly payload: Buffer
}

/** A WebSocket client that sends whatever bytes a test wants, over TCP, and reads strictly. */
export class RawWebSocket {
  readonly frames: CameBack[] = []
  /** Status line and headers of the answer to the handshake. */
  head = ''
  /** The gateway has said that nothing more comes, or has cut the line. */
  ended = false
  readonly socket: Socket
  #rest = Buffer.alloc(0)

  /** `pieceBytes`: how much of the handshake goes out in a write. */
  constructor(url: string, headers: { readonly [name: string]: string } = {}, pieceBytes = Infinity) {
    const { port, hostname, pathname, search } = new URL(url)
    this.socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    this.socket.setNoDelay(true)
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes))
    this.socket.on('error', () => (this.ended = true))
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('close', () => (this.ended = true))
    const all = { ...HANDSHAKE, ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    void this.#write(Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`), pieceBytes)
  }

  /** With its handshake done. */
  static async open(url: string, headers: { readonly [name: string]: string } = {}): Promise<RawWebSocket> {
    const client = new RawWebSocket(url, headers)
    await client.answered()
    if (!client.head.startsWith('HTTP/1.1 101 ')) throw new Error(`no handshake: ${client.head}`)
    return client
  }

  answered(): Promise<string> {
    return until('an answer to the handshake', () => this.head || (this.ended ? 'cut' : null))
  }

  send(...frames: readonly RawFrame[]): void {
    this.socket.write(Buffer.concat(frames.map(encoded)))
  }

  /** Each byte in a write of its own. */
  trickle(...frames: readonly RawFrame[]): Promise<void> {
    return this.#write(Buffer.concat(frames.map(encoded)), 1)
  }

  get texts(): string[] {
    return this.frames.filter(({ opcode }) => opcode === OPCODES.text).map(({ payload }) => payload.toString('utf8'))
  }

  of(opcode: number): Buffer[] {
    return this.frames.filter((frame) => frame.opcode === opcode).map(({ payload }) => payload)
  }

  /** The first text of that type. */
  text(type: string): Promise<{ readonly [member: string]: unknown }> {
    return until(
      () => `a text ${type} among ${this.texts.join(' ')}`,
      () => this.texts.map((text) => JSON.parse(text) as { type: string }).find((frame) => frame.type === type),
    )
  }

  /** The close code that came, 1005 where the close frame had none, `null` where the line was cut without one. */
  async closed(): Promise<number | null> {
    await until('the end of the connection', () => this.ended)
    const [close] = this.of(OPCODES.close)
    if (close === undefined) return null
    return close.length === 0 ? 1005 : close.readUInt16BE(0)
  }

  destroy(): void {
    this.socket.destroy()
  }

  async #write(bytes: Buffer, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && !this.ended; at += pieceBytes) {
      await new Promise((resolve) => {
        // The next piece leaves once the kernel has taken this one, and the gateway has had a turn.
        this.socket.write(bytes.subarray(at, at + pieceBytes), () => setTimeout(resolve, 1))
      })
    }
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    if (this.head === '') {
      const end = this.#rest.indexOf('\r\n\r\n')
      if (end < 0) return
      this.head = this.#rest.subarray(0, end).toString('latin1')
      this.#rest = this.#rest.subarray(end + 4)
      if (!this.head.startsWith('HTTP/1.1 101 ')) return
    }
    for (let taken = decoded(this.#rest); taken !== null; taken = decoded(this.#rest)) {
      this.frames.push(taken.frame)
      this.#rest = this.#rest.subarray(taken.bytes)
    }
  }
}

const HANDSHAKE = {
  Host: 'x',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

function encoded(frame: RawFrame): Buffer {
  const { opcode, fin = true, rsv = 0, masked = true } = frame
  const payload = Buffer.from(frame.payload ?? '')
  const length = frame.length ?? BigInt(payload.length)
  const lengthBytes = frame.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8)
  const told = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127
  const head = Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | told)
  const long = Buffer.alloc(8)
  long.writeBigUInt64BE(length)
  const mask = masked ? randomBytes(4) : Buffer.alloc(0)
  const bytes = masked ? payload.map((byte, at) => byte ^ (mask[at % 4] as number)) : payload
  return Buffer.concat([head, long.subarray(8 - lengthBytes), mask, bytes])
}

function decoded(bytes: Buffer): { readonly frame: CameBack; readonly bytes: number } | null {
  if (bytes.length < 2) return null
  const [first = 0, second = 0] = bytes
  if (second >= 0x80) throw new Error('the gateway masked a frame (RFC 6455 §5.1)')
  const lengthBytes = second === 126 ? 2 : second === 127 ? 8 : 0
  if (bytes.length < 2 + lengthBytes) return null
  const length = lengthBytes === 0 ? second : Number(BigInt(`0x${bytes.toString('hex', 2, 2 + lengthBytes)}`))
  const end = 2 + lengthBytes + length
  if (bytes.length < end) return null
  const payload = Buffer.from(bytes.subarray(2 + lengthBytes, end))
  return { frame: { opcode: first & 0x0f, fin: first >= 0x80, rsv: (first >> 4) & 7, payload }, bytes: end }
}
