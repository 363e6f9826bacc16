import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import { KafkaError } from './errors.ts'
import type { Exchange, FramedRequest } from './protocol.ts'
import { whyBroken } from './tls.ts'
import { Writer } from './writer.ts'

/** A frame that says it is longer is no answer of a broker: brokers keep to the `maxBytes` asked for, and one batch. */
const FRAME_BYTES_MAX = 512 * 1024 * 1024

interface Pending {
  readonly correlationId: number
  readonly timer: Timer
  settle(payload: Buffer): void
  fail(error: KafkaError): void
}

/**
 * One connected socket to one broker: frames out and in. A broker answers in the order of asking, so an answer that is
 * late holds up all behind it: then the wire is of no more use and dies, and whoever waits on it is told.
 */
export class Wire {
  readonly #socket: Socket
  readonly #peer: string
  readonly #clientId: string
  readonly #clock: Clock
  readonly #pending: Pending[] = []
  #correlationId = 0
  #chunks: Buffer[] = []
  #bytes = 0
  #bytesNeeded = 4
  #death: KafkaError | null = null

  constructor(socket: Socket, peer: string, clientId: string, clock: Clock) {
    this.#socket = socket
    this.#peer = peer
    this.#clientId = clientId
    this.#clock = clock
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#die(whyBroken(peer, error, false)))
    socket.on('close', () => this.die(`${peer} closed the connection (does its listener want TLS or SASL?)`))
  }

  get dead(): boolean {
    return this.#death !== null
  }

  get idle(): boolean {
    return this.#pending.length === 0
  }

  /** Throws `KafkaError`: `gone` where no answer came within `msMax`, `refused` where it could not be read. */
  async ask<T>(exchange: Exchange<T>, msMax: number): Promise<T> {
    const { request } = exchange
    const correlationId = this.#correlationId++ & 0x7fffffff
    const { buffer } = await request.encode()
    const frame = framed(request, correlationId, this.#clientId, buffer)
    const payload = await new Promise<Buffer>((settle, fail) => {
      if (this.#death !== null) return fail(this.#death)
      const late = `${this.#peer} did not answer ${request.apiName} within ${msMax} ms`
      const timer = this.#clock.after(msMax, () => this.die(late))
      this.#pending.push({ correlationId, timer, settle, fail })
      this.#socket.write(frame)
    })
    try {
      return exchange.decode(payload)
    } catch (error) {
      throw new KafkaError('refused', `${this.#peer} gave an answer to ${request.apiName} that cannot be read`, {
        cause: error,
      })
    }
  }

  /** At once: nothing is waited for, what is under way fails. */
  die(reason: string, cause?: unknown): void {
    this.#die(new KafkaError('gone', reason, { cause }))
  }

  #die(error: KafkaError): void {
    if (this.#death !== null) return
    this.#death = error
    this.#socket.destroy()
    this.#chunks = []
    for (const pending of this.#pending.splice(0)) {
      pending.timer.cancel()
      pending.fail(this.#death)
    }
  }

  /** Chunks are joined once per frame, not per chunk: a large answer comes in many. */
  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#bytesNeeded && this.#death === null) {
      const buffer = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
      const frameBytes = 4 + buffer.readInt32BE(0)
      if (frameBytes < 8 || frameBytes > FRAME_BYTES_MAX)
        return this.die(`${this.#peer} does not speak Kafka's protocol`)
      if (buffer.length < frameBytes) {
        this.#chunks = [buffer]
        this.#bytesNeeded = frameBytes
        return
      }
      this.#chunks = buffer.length > frameBytes ? [buffer.subarray(frameBytes)] : []
      this.#bytes = buffer.length - frameBytes
      this.#bytesNeeded = 4
      this.#answer(buffer.subarray(4, frameBytes))
    }
  }

  #answer(frame: Buffer): void {
    const pending = this.#pending.shift()
    if (pending?.correlationId !== frame.readInt32BE(0)) {
      pending?.timer.cancel()
      pending?.fail(new KafkaError('gone', `${this.#peer} answered out of order`))
      return this.die(`${this.#peer} answered out of order`)
    }
    pending.timer.cancel()
    pending.settle(frame.subarray(4))
  }
}

/** With its length and head. The head's own client id is of the old form in every version (KIP-482). */
function framed(request: FramedRequest, correlationId: number, clientId: string, body: Buffer): Buffer {
  const head = new Writer(false).int16(request.apiKey).int16(request.apiVersion).int32(correlationId).string(clientId)
  if (request.flexible) head.int8(0)
  const { buffer } = head
  const frame = Buffer.allocUnsafe(4 + buffer.length + body.length)
  frame.writeInt32BE(buffer.length + body.length, 0)
  buffer.copy(frame, 4)
  body.copy(frame, 4 + buffer.length)
  return frame
}
