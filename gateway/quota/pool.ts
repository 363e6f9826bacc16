import type { Agreement } from '../access/grant.ts'
import type { Advance, Pool, PoolMember } from '../stream/account.ts'
import { finite, partOf, smaller, total } from './amount.ts'
import { Bucket } from './bucket.ts'
import { Emergency } from './emergency.ts'
import { Holding } from './holding.ts'
import { LONE_LOOK_MS, LOOK_MS, NOTHING } from './leases.ts'
import type { Amount, Ask, Granted, Unit, Unknown } from './leases.ts'
import { Members } from './members.ts'
import { Pace } from './pace.ts'
import { Patience } from './patience.ts'
import type { PoolHost } from './poolHost.ts'
import { seedsOf } from './seeding.ts'
import { WindowUse, type WindowState } from './usage.ts'

type Told = Pick<Ask, 'returned' | 'owed' | 'held' | 'floors'>

/** A top-up is asked for when what lies here lasts no longer. */
const AHEAD_MS = 1_000
/** Who has spent lately keeps half of what others want. */
const ACTIVE_MS = 1_000
/** Between two of them, at least. */
const TOP_UP_MS = 250

/**
 * An agreement's tokens in this process.
 *
 *   plenty --take, advance--> short --recall once--> plenty | asking
 *   asking --granted--> plenty, --wait--> asking again, --exhausted--> blocked until an edge, --failed--> local share | told
 */
export class LeasePool implements Pool {
  readonly endless = false
  readonly agreement: string
  readonly holder: string
  readonly #plan: Agreement['plan']
  readonly #host: PoolHost
  readonly #members = new Members()
  readonly #holding: Holding
  readonly #use: WindowUse
  readonly #pace: Pace
  readonly #emergency: Emergency
  readonly #bucket: Bucket | null
  #holders = 1
  /** Since a recall each gets just what it asks for, until the next grant: else every refusal would recall everybody again. */
  #frugal = false
  /** The smallest that was refused. */
  #need: Amount | null = null
  /** Sent and not answered: it is sent again until it is. */
  #asked: Ask | null = null
  #inFlight = false
  /** Windows that what was held when the store had forgotten them was taken from. */
  #heldOf: readonly number[] | null = null
  #lastId = 0
  #bookedHeld: Amount = NOTHING
  #wanted = false
  readonly #patience = new Patience()
  #topUpAt = -Infinity
  #lookAt = -Infinity
  #usedAt: number

  constructor(agreement: Agreement, holder: string, host: PoolHost) {
    const { plan } = agreement
    const monotonic = host.monotonic()
    this.agreement = agreement.id
    this.holder = holder
    this.#plan = plan
    this.#host = host
    this.#holding = new Holding(plan.windows)
    this.#use = new WindowUse(plan.windows)
    this.#pace = new Pace(monotonic)
    this.#emergency = new Emergency(plan.windows)
    this.#bucket = plan.rate ? new Bucket(plan.rate, monotonic) : null
    this.#usedAt = monotonic
  }

  affords(bytes: number): boolean {
    return this.#plan.windows.every((window) => window.bytes === null || bytes <= window.bytes)
  }

  take(messages: number, bytes: number): boolean {
    if (!this.#find(messages, bytes)) return false
    this.#holding.take(messages, bytes)
    this.#spend(messages, bytes)
    return true
  }

  advance(messages: number, bytes: number): Advance | null {
    if (!this.#find(messages, bytes)) return null
    const parts = this.#frugal ? Infinity : 2 * Math.max(1, this.#members.size)
    const shaped = this.#bucket ? this.#bucket.tokens / parts : Infinity
    const more = Math.floor(Math.min(partOf(this.#holding.messages, parts), shaped))
    const advance = {
      messages: Math.max(messages, more),
      bytes: Math.max(bytes, Math.floor(partOf(this.#holding.bytes, parts))),
    }
    this.#holding.advance(advance.messages, advance.bytes)
    this.#spend(advance.messages, advance.bytes)
    return advance
  }

  give(messages: number, bytes: number): void {
    this.#holding.give(messages, bytes)
    this.#bucket?.give(messages)
    this.#pace.add(-finite(messages), -finite(bytes))
  }

  join(member: PoolMember): void {
    this.#members.join(member)
    this.#host.wake(this)
  }

  leave(member: PoolMember): void {
    this.#members.leave(member)
    if (!this.#members.anyWants) this.#need = null
  }

  await(member: PoolMember): void {
    this.#members.await(member)
    this.#host.wake(this)
  }

  /** Monotonic: when what lies here is void. */
  get end(): number {
    return this.#holding.end
  }

  states(): readonly WindowState[] {
    return this.#use.states(this.#host.storeNow(), this.#holding, this.#holding.starts)
  }

  /** The edge has come: members give back, and the rest goes back for the windows that go on. */
  lapse(): void {
    this.#recall()
    this.#host.counters.burnt += this.#holding.lapse(this.#host.storeNow()).messages
    this.#frugal = false
  }

  /** Another node waits. */
  want(): void {
    this.#wanted = true
  }

  /** Another node gave something back. */
  mayRetry(): void {
    if (this.#members.anyWants) this.#patience.hurry()
  }

  /** What is to be asked now, or `null`. What it says is booked from here on, so it has to be sent. */
  ask(leaving = false): Ask | null {
    const now = this.#host.monotonic()
    if (this.#inFlight) return null
    if (this.#asked) return this.#send(this.#asked)
    if (this.#wanted || leaving) this.#giveBack(leaving)
    const need = leaving ? null : this.#needNow(now)
    const held = leaving ? NOTHING : this.#holding.held
    const tells = (this.#wanted || leaving) && total(held) < total(this.#bookedHeld)
    this.#wanted = false
    if (!need && !this.#holding.toBook && !tells && !(total(held) > 0 && now >= this.#lookAt)) return null
    return this.#send(this.#newAsk(need, held, now))
  }

  /** `sent`: monotonic time before the ask went out. */
  answered(answer: Granted, sent: number): void {
    const asked = this.#settleAsk()
    this.#emergency.back()
    this.#holders = answer.holders
    this.#lookAt = sent + this.#lookMs
    this.#use.learn(answer.windows)
    if (answer.wanted) this.#wanted = true
    if (answer.kind === 'granted') return this.#granted(answer, asked, sent)
    if (answer.kind === 'wait') return this.#patience.backOff(sent, this.#host.random())
    this.#patience.block(sent + ((answer.resumesAt ?? answer.now) - answer.now), answer.resumesAt)
    this.#tellExhausted(answer.resumesAt)
  }

  /** The store knows nothing of a window, and nothing was booked: from here on only what is held is handed out. */
  forgotten(): void {
    if (!this.#asked) return
    this.#recall()
    this.#asked = this.#retold(this.#asked)
    this.#heldOf = this.#holding.starts
  }

  /** The ask goes out again, with what the ledger knew when `forgotten` was called. */
  seeded(answer: Unknown, delivered: readonly (Amount | null)[]): void {
    this.#inFlight = false
    if (!this.#asked) return
    const again = this.#retold(this.#asked)
    const seeds = seedsOf(answer, delivered, [this.#asked, again], this.#heldOf)
    this.#asked = { ...again, seeds }
  }

  failed(): void {
    this.#inFlight = false
  }

  /** In its own turn: fills the bucket, tells who waits. `away`: the store does not answer. */
  tick(away: boolean): void {
    const now = this.#host.monotonic()
    this.#pace.tick(now)
    this.#bucket?.fill(now, this.#holders)
    if (away && this.#need && !this.#fits(this.#need)) this.#helpOneself(now)
    const need = this.#need ?? { messages: 1, bytes: 0 }
    if (this.#members.anyWaits && this.#fits(need)) this.#refill()
    else if (this.#members.anyWaits && this.#patience.blocked(now) && this.#need)
      this.#tellExhausted(this.#patience.resumesAt)
    if (this.#members.anyWaits && !this.#need && !this.#holding.has(need.messages, need.bytes)) this.#need = need
    this.#warn()
  }

  /** Nobody has used it for so long, ms. */
  idleMs(): number {
    return this.#members.empty ? this.#host.monotonic() - Math.max(this.#usedAt, this.#pace.spentAt) : 0
  }

  /** The store knows that nothing lies here. */
  get settled(): boolean {
    const endless = this.#plan.windows.length === 0
    return (
      !this.#asked &&
      !this.#holding.toBook &&
      total(this.#bookedHeld) === 0 &&
      (endless || total(this.#holding.held) === 0)
    )
  }

  #find(messages: number, bytes: number): boolean {
    this.#usedAt = this.#host.monotonic()
    if (!this.#holding.has(messages, bytes) && !this.#frugal) {
      this.#recall()
      this.#frugal = true
    }
    if (this.#holding.has(messages, bytes)) return !this.#bucket || this.#bucket.allows(messages)
    if (!this.#need || smaller({ messages, bytes }, this.#need)) this.#need = { messages, bytes }
    this.#host.wake(this)
    return false
  }

  #spend(messages: number, bytes: number): void {
    this.#bucket?.take(messages)
    this.#pace.add(finite(messages), finite(bytes))
  }

  #fits({ messages, bytes }: Amount): boolean {
    return this.#holding.has(messages, bytes) && (!this.#bucket || this.#bucket.allows(messages))
  }

  #recall(): void {
    this.#members.recall()
    this.#holding.recalled()
  }

  /** Who waits itself, or has not spent lately, keeps nothing. */
  #giveBack(all: boolean): void {
    this.#recall()
    const active = !all && !this.#need && this.#host.monotonic() - this.#pace.spentAt < ACTIVE_MS
    this.#host.counters.returned += this.#holding.giveBack(active ? 2 : 1).messages
  }

  #needNow(now: number): Amount | null {
    if (this.#need) return this.#lackNow(this.#need, now)
    return this.#topsUp(now) ? NOTHING : null
  }

  /** Advances that nobody spends may be enough. What is too little for who waits here may help elsewhere. */
  #lackNow(need: Amount, now: number): Amount | null {
    if (!this.#patience.mayAsk(now)) return null
    this.#recall()
    if (this.#holding.has(need.messages, need.bytes)) return null
    if (this.#patience.tried) this.#giveBack(true)
    return this.#holding.lack(need)
  }

  #topsUp(now: number): boolean {
    if (now < this.#topUpAt || this.#patience.blocked(now) || now - this.#pace.spentAt > ACTIVE_MS) return false
    const pace = this.#pace.perMinute(now)
    // A look is a call anyway: what would not last until the next one comes with it.
    const aheadMs = now < this.#lookAt ? AHEAD_MS : AHEAD_MS + this.#lookMs
    if (pace === null || !this.#holding.runsLow(pace, aheadMs)) return false
    // What members hold in advance may last as long, and is taken off what is granted.
    this.#recall()
    this.#topUpAt = now + TOP_UP_MS
    return this.#holding.runsLow(pace, aheadMs)
  }

  #newAsk(need: Amount | null, held: Amount, now: number): Ask {
    const { holder, agreement } = this
    return {
      holder,
      agreement,
      id: ++this.#lastId,
      windows: this.#plan.windows,
      overage: this.#plan.onLimit === 'overage',
      ...this.#told(held, this.#holding.book()),
      need,
      pace: this.#pace.perMinute(now),
      seeds: [],
    }
  }

  /** An ask that was not booked, with what has happened since. */
  #retold(asked: Ask): Ask {
    const { returned, owed } = this.#holding.book()
    const booked = { returned: [...asked.returned, ...returned], owed: [...asked.owed, ...owed] }
    return { ...asked, ...this.#told(this.#holding.held, booked) }
  }

  #told(held: Amount, booked: Pick<Ask, 'returned' | 'owed'>): Told {
    const floors = this.#use.floorsWith(this.#spentSince(held, booked.returned), this.#holding.starts)
    return { ...booked, held, floors }
  }

  /** Spent since the store was last told, for sure. */
  #spentSince(held: Amount, returned: readonly Amount[]): Amount {
    const since = (unit: Unit): number =>
      Math.max(
        0,
        returned.reduce((rest, back) => rest - back[unit], this.#bookedHeld[unit] - held[unit]),
      )
    return { messages: since('messages'), bytes: since('bytes') }
  }

  #send(ask: Ask): Ask {
    this.#asked = ask
    this.#inFlight = true
    this.#lookAt = this.#host.monotonic() + this.#lookMs
    return ask
  }

  #settleAsk(): Ask | null {
    const asked = this.#asked
    this.#asked = null
    this.#inFlight = false
    this.#bookedHeld = asked?.held ?? NOTHING
    return asked
  }

  #granted({ granted, starts, endsAt, now }: Granted, asked: Ask | null, sent: number): void {
    const some = granted.messages > 0 || granted.bytes > 0
    this.#bookedHeld = {
      messages: this.#bookedHeld.messages + granted.messages,
      bytes: this.#bookedHeld.bytes + granted.bytes,
    }
    if (some) {
      this.#host.counters.granted += granted.messages
      this.#install(granted, starts, endsAt === null ? Infinity : sent + (endsAt - now))
    }
    if (!asked?.need) return
    this.#patience.served()
    if (some) this.#refill()
    else this.#topUpAt = sent + LOOK_MS
  }

  get #lookMs(): number {
    return this.#holders > 1 || this.#bucket ? LOOK_MS : LONE_LOOK_MS
  }

  #install(granted: Amount, starts: readonly number[], end: number): void {
    const before = this.#holding.starts
    if (before && before.some((start, i) => start !== starts[i])) this.lapse()
    this.#holding.add(granted, starts, end)
    this.#frugal = false
    // An answer that comes too late is of a lease that is over.
    if (end <= this.#host.monotonic()) this.lapse()
  }

  #refill(): void {
    this.#need = null
    this.#members.refill()
  }

  #helpOneself(now: number): void {
    if (this.#plan.onRedisLoss === 'pause') return this.#tellExhausted(null)
    const share = this.#emergency.share(this.#host.storeNow(), now, this.#holders, this.#use.used)
    if (!share) return this.#tellExhausted(null)
    this.#host.counters.local += share.messages
    this.#install(share, share.starts, now + share.lastsMs)
    this.#holding.owe(share)
    this.#refill()
  }

  /** Whose store is away is never closed: that is not its doing. */
  #tellExhausted(resumesAt: number | null): void {
    const closes = this.#plan.onLimit === 'close' && resumesAt !== null
    this.#members.exhaust((member) => (closes ? member.closed(resumesAt) : member.exhausted(resumesAt)))
    if (!this.#members.anyWants) this.#need = null
  }

  #warn(): void {
    if (this.#members.size === 0) return
    for (const warning of this.#use.warnings(this.#host.storeNow(), this.#holding, this.#holding.starts))
      this.#members.each((member) => member.warned(warning))
  }
}
