/**
 * Counts what is handed over, for the bill: of those who ride a view its records once, however many they are, with who was
 * there from which place to which; of those who read, each agreement's own. It is drained at each flush, so it holds what one flush hands over.
 */
import type { Account } from './account.ts'
import type { Handed, HandedShare, Range } from './handed.ts'
import type { Record } from './record.ts'
import type { LogId, View } from './view.ts'

/** Records that it holds before it asks to be drained out of turn: what is drained at once is written down at once, and live records wait for that. */
export const METERED_RECORDS_MAX = 16_000

export class Meter {
  /** Records that wait to be drained. */
  records = 0
  /** Views with something broadcast since the last drain. */
  readonly #broadcast = new Set<View>()
  readonly #read = new Map<View, Map<Account, HandedLog>>()
  #closed: Handed[] = []

  /** The log of a view's broadcasts, for records that go out now. */
  broadcastOf(view: View, id: LogId): HandedLog {
    const { handed } = view
    if (handed !== null && handed.isOf(id)) return handed
    // Another log stands under the topic's name; nobody rode over from the old one.
    if (handed !== null) this.#close(view, handed)
    this.#broadcast.add(view)
    return (view.handed = new HandedLog(id))
  }

  /** Counts what one connection of an agreement has read. */
  read(view: View, account: Account, id: LogId, records: readonly Record[]): void {
    let logs = this.#read.get(view)
    if (logs === undefined) this.#read.set(view, (logs = new Map()))
    let log = logs.get(account)
    if (log !== undefined && !log.isOf(id)) {
      this.#closed.push(readBy(view, account, log))
      log = undefined
    }
    if (log === undefined) logs.set(account, (log = new HandedLog(id)))
    for (const record of records) log.add(record)
    this.records += records.length
  }

  /** What was handed over since the last time. */
  drain(): readonly Handed[] {
    for (const view of this.#broadcast) if (view.handed !== null) this.#close(view, view.handed)
    this.#broadcast.clear()
    for (const [view, logs] of this.#read) {
      for (const [account, log] of logs) this.#closed.push(readBy(view, account, log))
    }
    this.#read.clear()
    const drained = this.#closed
    this.#closed = []
    this.records = 0
    return drained
  }

  #close(view: View, log: HandedLog): void {
    view.handed = null
    const shares: HandedShare[] = []
    for (const riders of view.ridership.values()) {
      const share = riders.take(log)
      if (share !== null) shares.push(share)
      if (riders.count === 0) view.ridership.delete(riders.account)
    }
    if (shares.length > 0) this.#closed.push({ ...log.named(view), shares })
  }
}

/** Records in the order in which they were handed over. */
export class HandedLog {
  bytes = 0
  readonly #id: LogId
  readonly #partitions: number[] = []
  readonly #offsets: number[] = []
  readonly #sizes: number[] = []
  readonly #times: number[] = []

  constructor({ epoch, log }: LogId) {
    this.#id = { epoch, log }
  }

  get length(): number {
    return this.#offsets.length
  }

  isOf({ epoch, log }: LogId): boolean {
    return this.#id.epoch === epoch && this.#id.log === log
  }

  add({ partition, offset, value, time }: Record): void {
    const size = value === null ? 0 : value.byteLength
    this.#partitions.push(partition)
    this.#offsets.push(offset)
    this.#sizes.push(size)
    this.#times.push(time)
    this.bytes += size
  }

  named({ spec }: View): Omit<Handed, 'shares'> {
    const columns = { partitions: this.#partitions, offsets: this.#offsets, sizes: this.#sizes, times: this.#times }
    return { stream: spec.stream.key, ...this.#id, view: spec.key, columns }
  }
}

/** One agreement's riders of one view: how many there were, from which place of the view's log to which. */
export class Ridership {
  readonly account: Account
  count = 0
  /** Where the first of those who ride now stepped on. */
  #since = 0
  #ranges: Range[] = []
  #delivered = 0
  #deliveredBytes = 0
  /** Up to where they are counted. */
  #counted = 0
  #countedBytes = 0

  constructor(account: Account) {
    this.account = account
  }

  enter(log: HandedLog | null): void {
    this.#count(log)
    if (this.count++ === 0) this.#since = this.#counted
  }

  leave(log: HandedLog | null): void {
    this.#count(log)
    if (--this.count === 0) this.#range()
  }

  /** What they had of a log that ends here; the next one begins at 0. */
  take(log: HandedLog): HandedShare | null {
    this.#count(log)
    if (this.count > 0) this.#range()
    const { account } = this
    const share = { account, ranges: this.#ranges, delivered: this.#delivered, deliveredBytes: this.#deliveredBytes }
    this.#ranges = []
    this.#delivered = this.#deliveredBytes = this.#since = this.#counted = this.#countedBytes = 0
    return share.delivered > 0 ? share : null
  }

  #count(log: HandedLog | null): void {
    const length = log?.length ?? 0
    const bytes = log?.bytes ?? 0
    this.#delivered += this.count * (length - this.#counted)
    this.#deliveredBytes += this.count * (bytes - this.#countedBytes)
    this.#counted = length
    this.#countedBytes = bytes
  }

  #range(): void {
    if (this.#since === this.#counted) return
    const last = this.#ranges.at(-1)
    if (last?.[1] === this.#since) this.#ranges[this.#ranges.length - 1] = [last[0], this.#counted]
    else this.#ranges.push([this.#since, this.#counted])
  }
}

function readBy(view: View, account: Account, log: HandedLog): Handed {
  const { length: delivered, bytes: deliveredBytes } = log
  return { ...log.named(view), shares: [{ account, ranges: [[0, delivered]], delivered, deliveredBytes }] }
}
