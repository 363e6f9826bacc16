import assert from 'node:assert/strict'
import type { Record } from '../../../gateway/stream/record.ts'
import type { FollowSink, Slice, SourceError, Vector } from '../../../gateway/stream/source.ts'

/** A sink that remembers, and holds each slice to the contract as it comes. */
export class Heard implements FollowSink {
  readonly records: Record[] = []
  readonly next: number[] = []
  readonly end: number[] = []
  readonly lost: NonNullable<Slice['lost']>[] = []
  readonly downs: { readonly error: SourceError; readonly since: number }[] = []
  ups = 0
  changes = 0
  calls = 0
  readonly #slices: Slice[] = []
  #lastAt = performance.now()

  slices(slices: readonly Slice[]): void {
    this.#called()
    assert.ok(slices.length > 0, 'a call without slices')
    for (const slice of slices) {
      this.#slices.push(slice)
      this.records.push(...slice.records)
      this.next[slice.partition] = slice.next
      this.end[slice.partition] = slice.end
      if (slice.lost) this.lost.push(slice.lost)
    }
  }

  down(error: SourceError, since: number): void {
    this.#called()
    this.downs.push({ error, since })
  }

  up(): void {
    this.#called()
    this.ups++
  }

  changed(): void {
    this.#called()
    this.changes++
  }

  of(partition: number): Record[] {
    return this.records.filter((record) => record.partition === partition)
  }

  /** How long nothing was called. */
  get quietMs(): number {
    return performance.now() - this.#lastAt
  }

  /** Each slice begins where the one before ended, and its records lie between its ends in order. */
  assertContinuous(from: Vector): void {
    const next = [...from]
    for (const slice of this.#slices) {
      const expected = slice.lost?.reason === 'retention' ? slice.lost.to : (next[slice.partition] ?? 0)
      assert.equal(slice.from, expected, `partition ${slice.partition} goes on where it was`)
      let at = slice.from - 1
      for (const record of slice.records) {
        assert.ok(record.offset > at, 'offsets rise')
        at = record.offset
      }
      assert.ok(slice.next > at)
      next[slice.partition] = slice.next
    }
  }

  #called(): void {
    this.calls++
    this.#lastAt = performance.now()
  }
}

/** Resolves as soon as the condition holds; fails, saying what it waited for, where it never does. */
export async function eventually(holds: () => boolean, what: string, msMax = 20_000): Promise<void> {
  const until = performance.now() + msMax
  while (!holds()) {
    assert.ok(performance.now() < until, `waited ${msMax} ms in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
