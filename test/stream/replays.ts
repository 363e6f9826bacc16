import type { Record } from '../../gateway/stream/record.ts'
import { Replay, type ReplayLimits } from '../../gateway/stream/replay.ts'
import type { Slice, Source, Vector } from '../../gateway/stream/source.ts'
import { Tail } from '../../gateway/stream/tail.ts'

interface Asked {
  readonly from: Vector
  answer(slices: readonly Slice[]): void
  fail(error: unknown): void
}

/** Answers when the test says so. */
class Slow implements Source {
  readonly asked: Asked[] = []

  read(_topic: string, from: Vector): Promise<readonly Slice[]> {
    return new Promise((answer, fail) => this.asked.push({ from, answer, fail }))
  }

  locate(): Promise<never> {
    return Promise.reject(new Error('not asked here'))
  }

  follow(): never {
    throw new Error('not asked here')
  }

  async close(): Promise<void> {}
}

const LIMITS: ReplayLimits = { replaySlotsMax: 2, blockBytesMax: 1_000, heldBytesMax: 1_000 }

/** A replay of a source that answers by hand. */
export function setUp(limits: Partial<ReplayLimits> = {}) {
  const source = new Slow()
  const memory = { used: 0, bytesMax: 1_000_000 }
  /** What was used each time that more came into memory. */
  const grown: number[] = []
  const events = { appended() {}, cut() {}, changed() {}, down() {}, up() {} }
  const tail = new Tail(1, source, 't', memory, () => 0, events)
  return {
    source,
    memory,
    grown,
    tail,
    replay: new Replay({ ...LIMITS, ...limits }, memory, () => grown.push(memory.used)),
  }
}

export function slice(partition: number, records: readonly Record[]): Slice {
  const next = (records.at(-1)?.offset ?? -1) + 1
  return { partition, from: 0, records, next, end: next }
}

/** Lets everything run that promises hold up. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
