import type { TopicHistory } from './history.ts'

/** A position as a cursor tells it: the next offset of each partition, or below 0 where no leader could say yet. */
export interface Place {
  readonly epoch: number
  readonly next: readonly number[]
}

/** What happened to one client, in the order in which it met it. */
export type Event =
  /** A connection, resumed from the last cursor but for the first. `subscribed` is where the gateway says that it starts. */
  | { readonly type: 'connected'; readonly at: Place }
  | {
      readonly type: 'record'
      readonly epoch: number
      readonly partition: number
      readonly offset: number
      readonly uid: number
      /** The position behind it. */
      readonly at: Place
    }
  | { readonly type: 'gap'; readonly reason: string; readonly offsets: number; readonly at: Place }
  /** The cursor moved without a record. */
  | { readonly type: 'position'; readonly at: Place }

export const FAULTS = ['hole', 'aborted', 'inversion', 'duplicate', 'redelivered', 'foreign'] as const

/**
 * `hole`: a record was passed over, and no gap said so · `aborted`: of a transaction that was · `inversion`: behind a later one of its
 * partition on one connection · `duplicate`: twice on one connection · `redelivered`: before the cursor that was presented · `foreign`: never
 * was in the log under that id.
 */
export type Fault = (typeof FAULTS)[number]

export interface Verdict {
  readonly counts: { readonly [fault in Fault]: number }
  /** The first few, in words. */
  readonly examples: readonly string[]
  /** What was looked at, so that an empty verdict is seen to be one. */
  readonly records: number
  readonly gaps: number
}

const EXAMPLES_MAX = 20

/** Holds what clients heard to what stood in the log. `aborted` are the records of transactions that were aborted. */
export function judge(
  history: TopicHistory,
  aborted: ReadonlySet<number>,
  clients: ReadonlyMap<string, readonly Event[]>,
): Verdict {
  const findings = new Findings()
  for (const [name, events] of clients) {
    const hearing = new Hearing(history, aborted, (fault, what) => findings.add(fault, `${name}: ${what}`))
    for (const event of events) hearing.hear(event)
    hearing.end()
    findings.records += hearing.records
    findings.gaps += hearing.gaps
  }
  return findings
}

class Findings implements Verdict {
  readonly counts: { [fault in Fault]: number } = {
    hole: 0,
    aborted: 0,
    inversion: 0,
    duplicate: 0,
    redelivered: 0,
    foreign: 0,
  }
  readonly examples: string[] = []
  records = 0
  gaps = 0

  add(fault: Fault, what: string): void {
    this.counts[fault]++
    if (this.examples.length < EXAMPLES_MAX) this.examples.push(`${fault}: ${what}`)
  }
}

/** One client's story: where it stands after each event, and what is wrong with how it came there. */
class Hearing {
  records = 0
  gaps = 0
  readonly #history: TopicHistory
  readonly #aborted: ReadonlySet<number>
  readonly #find: (fault: Fault, what: string) => void
  #epoch = 0
  #next: number[] = []
  /** Where it began. */
  #first: Place | null = null
  /** On this connection, since it was last told `reset`. */
  #seen = new Set<string>()
  #highest: number[] = []
  /** Over all connections. */
  readonly #had = new Set<number>()
  readonly #excused = new Set<string>()

  constructor(history: TopicHistory, aborted: ReadonlySet<number>, find: (fault: Fault, what: string) => void) {
    this.#history = history
    this.#aborted = aborted
    this.#find = find
  }

  hear(event: Event): void {
    switch (event.type) {
      case 'connected':
        return this.#connected(event.at)
      case 'record':
        return this.#record(event)
      case 'gap':
        return this.#gap(event)
      case 'position':
        return this.#move(event.at)
    }
  }

  /** Whatever the log holds in the end, and this client never had nor was told to be lost. */
  end(): void {
    if (this.#first === null) return
    this.#history.now.forEach((partition, number) => {
      const from = this.#first!.epoch === this.#history.epoch ? (this.#first!.next[number] ?? 0) : 0
      for (const [offset, uid] of partition.last?.records ?? []) {
        if (offset < from || this.#had.has(uid) || this.#excused.has(keyOf(this.#history.epoch, number, offset)))
          continue
        this.#find('hole', `${keyOf(this.#history.epoch, number, offset)} (record ${uid}) never came`)
      }
    })
  }

  /** The gateway may say where a connection starts before it says what is lost: only what follows counts. */
  #connected(at: Place): void {
    this.#seen = new Set()
    this.#highest = []
    if (this.#first !== null) return
    this.#first = at
    this.#epoch = at.epoch
    this.#next = [...at.next]
  }

  #record({ epoch, partition, offset, uid, at }: Extract<Event, { type: 'record' }>): void {
    this.records++
    const key = keyOf(epoch, partition, offset)
    if (this.#aborted.has(uid)) this.#find('aborted', `${key} is record ${uid} of an aborted transaction`)
    else if (!this.#history.partition(epoch, partition).held(offset, uid))
      this.#find('foreign', `${key} is record ${uid}`)
    this.#had.add(uid)
    if (epoch !== this.#epoch) this.#slip({ epoch, next: at.next.with(partition, offset) }, `${key} came unannounced`)
    if (this.#seen.has(key)) return this.#find('duplicate', `${key} came twice on one connection`)
    this.#seen.add(key)
    const next = this.#next[partition] ?? 0
    if (offset < (this.#highest[partition] ?? -1))
      this.#find('inversion', `${key} came behind ${this.#highest[partition]}`)
    else if (next >= 0 && offset < next) this.#find('redelivered', `${key} came though ${next} was next`)
    this.#highest[partition] = Math.max(this.#highest[partition] ?? -1, offset)
    this.#pass(partition, offset)
    this.#next[partition] = Math.max(next, offset + 1)
    this.#move(at)
  }

  #gap({ reason, offsets, at }: Extract<Event, { type: 'gap' }>): void {
    this.gaps++
    if (reason === 'reset') return this.#enter(at)
    let lost = 0
    at.next.forEach((to, partition) => {
      const from = this.#next[partition] ?? 0
      for (const offset of from < 0 ? [] : this.#partition(partition).due(from, to)) {
        lost++
        this.#excused.add(keyOf(this.#epoch, partition, offset))
        if (!this.#partition(partition).trimmed(offset))
          this.#find('hole', `${keyOf(this.#epoch, partition, offset)} is still there, and a gap says it is lost`)
      }
      this.#next[partition] = Math.max(from, to)
    })
    if (lost > offsets) this.#find('hole', `a gap of ${offsets} offsets hides ${lost} records`)
  }

  /** Every record between may have been passed over unless a snapshot says otherwise. */
  #move(at: Place): void {
    if (at.epoch !== this.#epoch) return this.#slip(at, `a cursor of epoch ${at.epoch} came unannounced`)
    at.next.forEach((to, partition) => {
      if (to < 0) return
      this.#pass(partition, to)
      this.#next[partition] = Math.max(this.#next[partition] ?? 0, to)
    })
  }

  #pass(partition: number, to: number): void {
    const from = this.#next[partition] ?? 0
    if (from < 0) return
    for (const offset of this.#partition(partition).due(from, to)) {
      const key = keyOf(this.#epoch, partition, offset)
      if (this.#excused.has(key)) continue
      this.#excused.add(key)
      this.#find('hole', `${key} was passed over without a gap`)
    }
  }

  #slip(at: Place, what: string): void {
    this.#find('hole', `another log without a gap: ${what}`)
    this.#enter(at)
  }

  #enter(at: Place): void {
    this.#epoch = at.epoch
    this.#next = [...at.next]
    this.#seen = new Set()
    this.#highest = []
  }

  #partition(partition: number): ReturnType<TopicHistory['partition']> {
    return this.#history.partition(this.#epoch, partition)
  }
}

function keyOf(epoch: number, partition: number, offset: number): string {
  return `${epoch}.${partition}-${offset}`
}
