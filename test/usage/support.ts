import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../gateway/clock.ts'
import type { Log } from '../../gateway/log.ts'
import type { Tally, TallyShare, UsageMessage } from '../../gateway/usage/tally.ts'

/** Time goes on when the test says so. */
export class HandClock implements Clock {
  wall: number
  passed = 0
  readonly #timers: { readonly at: number; readonly run: () => void }[] = []

  constructor(wall = Date.UTC(2026, 10, 28, 20)) {
    this.wall = wall
  }
  now(): number {
    return this.wall + this.passed
  }
  monotonic(): number {
    return 5_000 + this.passed
  }
  soon(run: () => void): void {
    queueMicrotask(run)
  }
  after(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.passed + ms, run }
    this.#timers.push(timer)
    return { cancel: () => this.#remove(timer) }
  }
  every(): never {
    throw new Error('not used here')
  }
  advance(ms: number): void {
    this.passed += ms
    for (const timer of this.#timers.filter(({ at }) => at <= this.passed)) {
      this.#remove(timer)
      timer.run()
    }
  }
  #remove(timer: { readonly at: number }): void {
    const at = this.#timers.findIndex((one) => one === timer)
    if (at >= 0) this.#timers.splice(at, 1)
  }
}

/** Writes down what is said. */
export class ListLog implements Log {
  readonly said: string[] = []
  info(_: object, message: string): void {
    this.said.push(message)
  }
  warn(_: object, message: string): void {
    this.said.push(message)
  }
  error(_: object, message: string): void {
    this.said.push(message)
  }
}

export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-usage-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Turns of the event loop and of the disk, until it holds. */
export async function settled(holds: () => boolean): Promise<void> {
  const until = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > until) throw new Error(`does not come true: ${holds.toString()}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const safe = fc.nat({ max: 2 ** 48 })
const name = fc.stringMatching(/^[a-z]{1,12}$/)
const shareOf = (count: number): fc.Arbitrary<TallyShare> =>
  fc
    .record({
      agreement: name,
      plan: name,
      planVersion: name,
      cuts: fc.uniqueArray(fc.nat({ max: count }), { minLength: 2, maxLength: 8 }),
      more: fc.nat({ max: 3 }),
    })
    .map(({ cuts, more, ...who }) => {
      const sorted = cuts.toSorted((a, b) => a - b)
      const ranges = sorted.flatMap((from, i) =>
        i % 2 === 0 && i + 1 < sorted.length ? [[from, sorted[i + 1]!] as const] : [],
      )
      return { ...who, ranges, delivered: more, deliveredBytes: more }
    })

/** With `delivered` never less than the ranges hold, as the meter has it. */
export const tallies: fc.Arbitrary<Tally> = fc
  .array(
    fc.record({
      partition: fc.nat({ max: 20 }),
      offset: safe,
      size: fc.nat({ max: 2 ** 20 }),
      age: fc.nat({ max: 2 ** 30 }),
    }),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .chain((records) =>
    fc.record({
      stream: name,
      epoch: fc.nat({ max: 100 }),
      log: fc.nat({ max: 2 ** 32 - 1 }),
      view: fc.stringMatching(/^[0-9a-f]{16}$/),
      partitions: fc.constant(records.map(({ partition }) => partition)),
      offsets: fc.constant(records.map(({ offset }) => offset)),
      sizes: fc.constant(records.map(({ size }) => size)),
      ages: fc.constant(records.map(({ age }) => age)),
      shares: fc.uniqueArray(shareOf(records.length), {
        minLength: 1,
        maxLength: 5,
        selector: ({ agreement }) => agreement,
      }),
    }),
  )
  .map((tally) => ({ ...tally, shares: tally.shares.map((share) => counted(share, tally.sizes)) }))

function counted(share: TallyShare, sizes: readonly number[]): TallyShare {
  const held = share.ranges.flatMap(([from, to]) => sizes.slice(from, to))
  return {
    ...share,
    delivered: share.delivered + held.length,
    deliveredBytes: share.deliveredBytes + held.reduce((sum, size) => sum + size, 0),
  }
}

const ids = fc.record({
  node: name,
  worker: fc.nat({ max: 9 }),
  boot: fc.nat({ max: 1_000 }),
  shard: fc.nat({ max: 3 }),
  seq: fc.integer({ min: 1, max: 2 ** 40 }),
})
const HOUR_MS = 3_600_000

export const messages: fc.Arbitrary<UsageMessage> = fc.oneof(
  fc
    .record({
      id: ids,
      hour: fc.nat({ max: 500_000 }),
      span: fc.tuple(fc.nat({ max: HOUR_MS - 1 }), fc.nat({ max: HOUR_MS - 1 })),
      tallies: fc.array(tallies, { minLength: 1, maxLength: 3 }),
    })
    .map(({ id, hour, span, tallies: some }) => ({
      kind: 'tallies' as const,
      id,
      from: hour * HOUR_MS + Math.min(...span),
      to: hour * HOUR_MS + Math.max(...span),
      tallies: some,
    })),
  fc.record({
    kind: fc.constant('watermark' as const),
    id: ids,
    before: fc.nat({ max: 2 ** 41 }),
    final: fc.boolean(),
  }),
)
