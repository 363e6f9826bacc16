import type { Transaction } from '../drivers/sql/database.ts'
import { OffsetSet } from './bitmap.ts'
import type { CoverageKey, LedgerTables } from './tables.ts'

export const BLOCK_OFFSETS = 65_536

/** Keys in one query, and rows in one write: bounds of both databases for bound values lie far above. */
const KEYS_MAX = 500
const ROWS_MAX = 100

/** What a batch may touch of one log's partition: all agreements that had some of these blocks. */
export interface Need {
  readonly stream: number
  readonly log: number
  readonly partition: number
  readonly blocks: Set<number>
  readonly agreements: Set<number>
}

/**
 * What is covered already, as far as one batch asks. A place is new once over all months and plans: a redelivery next month is
 * free. What is new is kept under the month and plan that it is billed in.
 */
export class Coverage {
  readonly #covers = new Map<string, Cover>()

  async load(transaction: Transaction<LedgerTables>, needs: Iterable<Need>): Promise<void> {
    for (const need of needs) {
      for (const agreements of chunks([...need.agreements], KEYS_MAX)) {
        for (const blocks of chunks([...need.blocks], KEYS_MAX)) {
          const rows = await select(transaction, need, agreements, blocks)
          for (const { bitmap, month, plan, ...key } of rows) this.at(key).known(month, plan, bitmap)
        }
      }
    }
  }

  at(key: CoverageKey): Cover {
    const name = `${key.agreement}/${key.stream}/${key.log}/${key.partition}/${key.block}`
    let cover = this.#covers.get(name)
    if (!cover) this.#covers.set(name, (cover = new Cover(key)))
    return cover
  }

  async save(transaction: Transaction<LedgerTables>): Promise<void> {
    const rows = [...this.#covers.values()].flatMap((cover) => cover.changed())
    for (const some of chunks(rows, ROWS_MAX)) {
      await transaction
        .insertInto('ledger_coverage')
        .values(some)
        .onConflict((conflict) =>
          conflict
            .columns(['agreement', 'stream', 'log', 'partition', 'block', 'month', 'plan'])
            .doUpdateSet((row) => ({ bitmap: row.ref('excluded.bitmap') })),
        )
        .execute()
    }
  }

  dispose(): void {
    for (const cover of this.#covers.values()) cover.dispose()
    this.#covers.clear()
  }
}

function select(
  transaction: Transaction<LedgerTables>,
  { stream, log, partition }: Need,
  agreements: readonly number[],
  blocks: readonly number[],
): Promise<LedgerTables['ledger_coverage'][]> {
  return transaction
    .selectFrom('ledger_coverage')
    .selectAll()
    .where('agreement', 'in', agreements)
    .where('stream', '=', stream)
    .where('log', '=', log)
    .where('partition', '=', partition)
    .where('block', 'in', blocks)
    .execute()
}

export function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

interface Fresh {
  readonly month: number
  readonly plan: number
  readonly places: number[]
}

/** One agreement's block. */
export class Cover {
  readonly #key: CoverageKey
  /** Of all months and plans. */
  readonly #seen = new OffsetSet()
  readonly #stored = new Map<string, Uint8Array>()
  readonly #fresh = new Map<string, Fresh>()
  #last: Fresh | null = null

  constructor(key: CoverageKey) {
    this.#key = key
  }

  known(month: number, plan: number, bitmap: Uint8Array): void {
    this.#stored.set(`${month}/${plan}`, bitmap)
    this.#seen.unite(bitmap)
  }

  /** Whether it is covered for the first time. `place` is within the block. */
  add(place: number, month: number, plan: number): boolean {
    if (!this.#seen.add(place)) return false
    if (this.#last?.month !== month || this.#last.plan !== plan) this.#last = this.#freshOf(month, plan)
    this.#last.places.push(place)
    return true
  }

  #freshOf(month: number, plan: number): Fresh {
    const name = `${month}/${plan}`
    let fresh = this.#fresh.get(name)
    if (!fresh) this.#fresh.set(name, (fresh = { month, plan, places: [] }))
    return fresh
  }

  changed(): readonly LedgerTables['ledger_coverage'][] {
    return [...this.#fresh].map(([name, { month, plan, places }]) => {
      const stored = this.#stored.get(name)
      const set = new OffsetSet(stored ? [stored] : [])
      try {
        set.addAll(places)
        // A Buffer, since that is what both drivers bind.
        return { ...this.#key, month, plan, bitmap: Buffer.from(set.serialize()) }
      } finally {
        set.dispose()
      }
    })
  }

  dispose(): void {
    this.#seen.dispose()
  }
}
