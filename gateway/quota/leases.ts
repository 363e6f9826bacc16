import type { Window } from '../catalog/plan.ts'

/**
 * The port to where allowances are counted, over all nodes. `used` of a window counts what was granted and not returned: it
 * is prepaid, so a holder that dies can only have taken less. See docs/decisions/0008-quota-leases.md.
 */
export interface Leases {
  /**
   * Books what each ask gives back and grants what it may have; the answers stand in the order of the asks. An ask that comes
   * again (same holder and id) changes nothing and is granted the same. Rejects where the store is away or too slow: then an ask
   * may have been booked or not, and its sender repeats it unchanged.
   */
  swap(asks: readonly Ask[]): Promise<readonly Answer[]>
  /** Counts connections and subscriptions: how many seats each asker holds now. What it says to hold is believed for 60 s. */
  seat(asks: readonly SeatAsk[]): Promise<readonly number[]>
  /** What is told may be lost, and is told to its sender too. Answers how to stop listening. */
  listen(told: (notice: Notice) => void): () => void
}

/** Messages and bytes of Kafka values. */
export interface Amount {
  readonly messages: number
  readonly bytes: number
}

/** Tokens, with the windows that they were taken from. */
export interface Tagged extends Amount {
  /** Where each window of the plan began, ms since 1970; 0 for one that is over. */
  readonly starts: readonly number[]
}

export interface Ask {
  /** One pool of one process: never used again after a restart. */
  readonly holder: string
  readonly agreement: string
  /** Rises by one with each ask of the holder. */
  readonly id: number
  readonly windows: readonly Window[]
  /** Windows count, and never refuse. */
  readonly overage: boolean
  /** Counts back in the windows that are still the same. */
  readonly returned: readonly Tagged[]
  /** Handed out without having been granted, while the store was away. */
  readonly owed: readonly Tagged[]
  /** What the holder may still hand out, at most, without `returned` and without what this ask brings. */
  readonly held: Amount
  /** The least that helps; zero: more would be welcome, nobody waits; `null`: nothing is asked. */
  readonly need: Amount | null
  /** What the holder spends in a minute; `null`: not known yet. */
  readonly pace: Amount | null
  /** What is spent for sure, by window: counts where the store has forgotten. */
  readonly floors: readonly (Counted | null)[]
  /** What the ledger knows, by window that was `unknown`. */
  readonly seeds: readonly (Counted | null)[]
}

/** A count of one window. */
export interface Counted extends Amount {
  readonly start: number
}

export type Answer = Granted | Unknown

export interface Granted {
  /** `wait`: others hold some, and have been told. `exhausted`: nothing is out. */
  readonly kind: 'granted' | 'wait' | 'exhausted'
  /** The store's clock, ms since 1970. */
  readonly now: number
  /** A unit that no window limits is never granted, nor counted. */
  readonly granted: Amount
  /** Of the lease: where its windows began, and the nearest of their ends (`null`: the plan has no windows). */
  readonly starts: readonly number[]
  readonly endsAt: number | null
  /** With `exhausted`: when all windows that lack something have ended. */
  readonly resumesAt: number | null
  /** Who holds or waits, the asker included. */
  readonly holders: number
  /** Another waits for what this one may hold. */
  readonly wanted: boolean
  readonly windows: readonly WindowCount[]
}

export interface WindowCount {
  readonly start: number
  readonly end: number
  readonly used: Amount
  /** `used` without what is held anywhere: a floor for later. */
  readonly spent: Amount
}

/** The store knows nothing of these windows of a day or longer: nothing was booked. Ask again, same id, with seeds. */
export interface Unknown {
  readonly kind: 'unknown'
  readonly now: number
  /** Places in the plan's windows. */
  readonly windows: readonly number[]
  readonly starts: readonly number[]
}

export type SeatKind = 'connections' | 'subscriptions'

export interface SeatAsk {
  /** One process. */
  readonly node: string
  readonly agreement: string
  readonly kind: SeatKind
  /** What it holds already. */
  readonly held: number
  /** How many it wants beside. */
  readonly want: number
  readonly limit: number
}

export interface Notice {
  /** `wanted`: give back what lies idle. `returned`: who waits may ask again. */
  readonly kind: 'wanted' | 'returned'
  readonly agreement: string
  /** Who made it happen. */
  readonly holder: string
}

/** A holder that was not heard of for so long is dead: what it holds is burnt, nobody waits for it. */
export const HOLDER_MS = 15_000
/** Holders speak at least so often while they hold anything, so that each knows what all have spent. */
export const LOOK_MS = 5_000
/** And where there is nobody else and no rate to share with newcomers: often enough to be alive to whoever comes. */
export const LONE_LOOK_MS = 12_000
/** Records of holders that hold nothing are forgotten after this, others after an hour. */
export const FORGET_MS = 60_000
export const FORGET_HELD_MS = 3_600_000
/** A count of seats lives so long without being renewed. */
export const SEAT_MS = 60_000
/** A holder has at most this part of a window's limit, unless it needs more at once. */
export const CHUNKS = 16
/** And who is alone, and spends fast, what it spends in the time until it looks again, and a little: up to this part. */
export const LONE_CHUNKS = 8
export const LONE_LEASE_MINUTES = (LONE_LOOK_MS + 2_000) / 60_000
/** Where nothing is ever refused, a lease may be this part of what is spent in a minute: small windows do not slow a fast agreement down. */
export const OVERAGE_PACE_PARTS = 10
/** Windows of at least this length are not taken for empty where the store knows nothing of them. */
export const LONG_MS = 86_400_000

export const NOTHING: Amount = Object.freeze({ messages: 0, bytes: 0 })
export const UNITS = ['messages', 'bytes'] as const
export type Unit = (typeof UNITS)[number]
