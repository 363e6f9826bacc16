/**
 * On whose account records are handed over, and what it may still take: the port that `quota/` implements. It stands here
 * because the heart calls it, in the middle of a turn: nothing in it waits.
 */

/** One agreement as the heart knows it: one object per agreement and process. */
export interface Account {
  /** The agreement's id. */
  readonly agreement: string
  /** Name of its plan, and the hash that pins the plan's terms (prices, windows): what a bill is reckoned by. */
  readonly plan: string
  readonly planVersion: string
  readonly pool: Pool
}

/**
 * What this process holds of an agreement's allowance, prepaid. A message is one record handed to a connection; its bytes are
 * those of the Kafka value.
 */
export interface Pool {
  /** Nothing limits the agreement: it is not asked for anything, nor joined. */
  readonly endless: boolean
  /** Whether a record of so many bytes fits into a whole window of each kind; if not, it can never be handed over. */
  affords(bytes: number): boolean
  /** Takes exactly this, or nothing. A refusal makes the pool ask for more on its own. */
  take(messages: number, bytes: number): boolean
  /**
   * An advance for someone who rides: at least this, more where there is plenty; `null` (and the pool asks for more) where
   * there is less. Unspent parts come back by `give`; before it refuses, the pool recalls what its other members hold in advance.
   */
  advance(messages: number, bytes: number): Advance | null
  /** Takes back what was taken, or advanced, and not handed over. */
  give(messages: number, bytes: number): void
  join(member: PoolMember): void
  /** Its advance has been given back before. */
  leave(member: PoolMember): void
  /** Who was refused is told `refilled` or `exhausted`, once, in a later turn. */
  await(member: PoolMember): void
}

export interface Advance {
  readonly messages: number
  readonly bytes: number
}

/** A subscription, as its pool calls it. */
export interface PoolMember {
  /** Gives its advance back now, by `give`: others need it, or it lapses at the edge of a window. */
  recall(): void
  /** There is something to take again: awaited, or after `exhausted`. */
  refilled(): void
  /** Nothing is left on any node. `resumesAt`: when more comes, ms since 1970; `null` where that cannot be known (quota store away). */
  exhausted(resumesAt: number | null): void
  /** The plan says that whoever hits the limit is closed. Comes in place of `exhausted`. */
  closed(resumesAt: number | null): void
  /** Most of a window is spent: told once a window. */
  warned(warning: QuotaWarning): void
}

export interface QuotaWarning {
  /** As the plan writes it: `P1D`, `P1M`. */
  readonly window: string
  readonly unit: 'messages' | 'bytes'
  readonly limit: number
  readonly used: number
  /** When the window ends, ms since 1970. */
  readonly resetsAt: number
}

/** Where nothing is limited: the one pool of all such agreements, and of tests that are not about quota. */
export const ENDLESS: Pool = Object.freeze({
  endless: true,
  affords: () => true,
  take: () => true,
  advance: () => ({ messages: Infinity, bytes: Infinity }),
  give: () => undefined,
  join: () => undefined,
  leave: () => undefined,
  await: () => undefined,
})
