import assert from 'node:assert/strict'
import type { Account } from '../../../gateway/stream/account.ts'
import type { Handed } from '../../../gateway/stream/handed.ts'
import type { ModelPool } from './pool.ts'
import type { RecordFrame } from './socket.ts'

interface Page {
  /** How often each record was handed over, by id. */
  readonly handed: Map<string, number>
  messages: number
}

/** What was put on the wires of one node, written down beside its meter and its pools, and held against both. */
export class Book {
  /** Since the last drain. */
  readonly #pages = new Map<Account, Page>()
  readonly #sizeOf: (id: string) => number
  /** Ever, by account. */
  readonly #messages = new Map<Account, number>()
  readonly #bytes = new Map<Account, number>()

  constructor(sizeOf: (id: string) => number) {
    this.#sizeOf = sizeOf
  }

  enter(account: Account, frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const { type, id } = JSON.parse(Buffer.from(frame).toString()) as RecordFrame
      if (type !== 'record') continue
      const page = this.#pages.get(account) ?? { handed: new Map<string, number>(), messages: 0 }
      this.#pages.set(account, page)
      page.handed.set(id, (page.handed.get(id) ?? 0) + 1)
      page.messages++
      this.#messages.set(account, (this.#messages.get(account) ?? 0) + 1)
      this.#bytes.set(account, (this.#bytes.get(account) ?? 0) + this.#sizeOf(id))
    }
  }

  /** What the meter says is what was put on the wires, to the record. Answers how many that were. */
  compare(drained: readonly Handed[]): number {
    const metered = new Map<Account, Page>()
    for (const one of drained) this.#read(one, metered)
    let messages = 0
    for (const account of new Set([...metered.keys(), ...this.#pages.keys()])) {
      const page = this.#pages.get(account)
      assert.equal(metered.get(account)?.messages ?? 0, page?.messages ?? 0, 'delivered')
      const ids = (of: Page | undefined): string[] => [...(of?.handed.keys() ?? [])].sort()
      assert.deepEqual(ids(metered.get(account)), ids(page))
      messages += page?.messages ?? 0
    }
    this.#pages.clear()
    return messages
  }

  /** Who holds nothing in advance has been granted what is left and what was handed over, neither more nor less. */
  settle(account: Account, pool: ModelPool): void {
    assert.equal(pool.grantedMessages - pool.messages, this.#messages.get(account) ?? 0, 'paid messages')
    assert.equal(pool.grantedBytes - pool.bytes, this.#bytes.get(account) ?? 0, 'paid bytes')
  }

  #read({ epoch, columns, shares }: Handed, into: Map<Account, Page>): void {
    for (const { account, ranges, delivered, deliveredBytes } of shares) {
      const page = into.get(account) ?? { handed: new Map<string, number>(), messages: 0 }
      into.set(account, page)
      page.messages += delivered
      let bytes = 0
      let last = -1
      for (const [from, to] of ranges) {
        assert.ok(last < from && from < to && to <= columns.offsets.length, 'ranges ascend, and lie apart')
        last = to
        for (let at = from; at < to; at++) {
          const id = `${epoch > 0 ? `${epoch}.` : ''}${columns.partitions[at]}-${columns.offsets[at]}`
          assert.equal(columns.sizes[at], this.#sizeOf(id))
          page.handed.set(id, 1)
          bytes += columns.sizes[at] as number
        }
      }
      assert.ok(deliveredBytes >= bytes, 'each connection is counted by itself')
    }
  }
}
