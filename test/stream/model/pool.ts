import assert from 'node:assert/strict'
import type { Advance, Pool, PoolMember, QuotaWarning } from '../../../gateway/stream/account.ts'
import type { Random } from './random.ts'

/** Where nothing is to be scarce any more. */
const PLENTY = 1e9

/** An allowance that the test hands out: what was granted is either left, held in advance, or was handed over. */
export class ModelPool implements Pool {
  readonly endless = false
  readonly bytesMax: number
  messages = 0
  bytes = 0
  grantedMessages = 0
  grantedBytes = 0
  refusals = 0
  readonly #members = new Set<PoolMember>()
  readonly #waiting = new Set<PoolMember>()

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get members(): number {
    return this.#members.size
  }

  affords(bytes: number): boolean {
    return bytes <= this.bytesMax
  }

  take(messages: number, bytes: number): boolean {
    if (this.#lacks(messages, bytes)) this.#recall()
    if (this.#lacks(messages, bytes)) return this.#refuse()
    this.messages -= messages
    this.bytes -= bytes
    return true
  }

  advance(messages: number, bytes: number): Advance | null {
    if (!this.take(messages, bytes)) return null
    const more = { messages: Math.floor(this.messages / 3), bytes: Math.floor(this.bytes / 3) }
    this.messages -= more.messages
    this.bytes -= more.bytes
    return { messages: messages + more.messages, bytes: bytes + more.bytes }
  }

  give(messages: number, bytes: number): void {
    assert.ok(messages >= 0 && bytes >= 0 && messages + bytes > 0, `gives back ${messages} messages, ${bytes} bytes`)
    this.messages += messages
    this.bytes += bytes
  }

  join(member: PoolMember): void {
    assert.ok(!this.#members.has(member), 'joined twice')
    this.#members.add(member)
  }

  leave(member: PoolMember): void {
    assert.ok(this.#members.delete(member), 'left without having joined')
    this.#waiting.delete(member)
  }

  await(member: PoolMember): void {
    assert.ok(this.#members.has(member), 'waits without having joined')
    this.#waiting.add(member)
  }

  refill(random: Random): void {
    this.grant(random.int(40), random.int(8_000))
  }

  grantPlenty(): void {
    this.grant(PLENTY, PLENTY)
  }

  grant(messages: number, bytes: number): void {
    this.messages += messages
    this.bytes += bytes
    this.grantedMessages += messages
    this.grantedBytes += bytes
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const member of waiting) member.refilled()
  }

  /** Its plan ends streams. */
  end(): void {
    for (const member of [...this.#waiting]) member.closed(null)
  }

  warn(warning: QuotaWarning): void {
    for (const member of this.#members) member.warned(warning)
  }

  /** Nothing is to be had anywhere: told to those who wait, who go on waiting. */
  exhaust(): void {
    for (const member of this.#waiting) member.exhausted(null)
  }

  /** The edge of a window: what is left or held in advance is void. */
  lapse(): void {
    this.#recall()
    this.grantedMessages -= this.messages
    this.grantedBytes -= this.bytes
    this.messages = 0
    this.bytes = 0
  }

  #lacks(messages: number, bytes: number): boolean {
    return this.messages < messages || this.bytes < bytes
  }

  #refuse(): false {
    this.refusals++
    return false
  }

  #recall(): void {
    for (const member of this.#members) member.recall()
  }
}
