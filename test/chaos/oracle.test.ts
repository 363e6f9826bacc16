import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TopicHistory, type Snapshot } from './history.ts'
import { FAULTS, judge, type Event, type Fault, type Place, type Verdict } from './oracle.ts'

/** One partition with a record at each of these offsets, whose number is the offset and a hundred times the epoch. */
function log(
  start: number,
  end: number,
  but: readonly number[] = [],
  uidOf = (offset: number): number => offset,
): Snapshot {
  const offsets = Array.from({ length: end - start }, (_, i) => start + i).filter((offset) => !but.includes(offset))
  return { start, end, records: new Map(offsets.map((offset) => [offset, uidOf(offset)])) }
}

function historyOf(...epochs: readonly (readonly Snapshot[])[]): TopicHistory {
  const history = new TopicHistory()
  for (const [epoch, snapshots] of epochs.entries()) for (const snapshot of snapshots) history.add(epoch, [snapshot])
  return history
}

const at = (next: number, epoch = 0): Place => ({ epoch, next: [next] })
const connected = (next: number, epoch = 0): Event => ({ type: 'connected', at: at(next, epoch) })
const position = (next: number): Event => ({ type: 'position', at: at(next) })
const record = (offset: number, epoch = 0, uid = offset): Event => ({
  type: 'record',
  epoch,
  partition: 0,
  offset,
  uid,
  at: at(offset + 1, epoch),
})
const records = (from: number, to: number, epoch = 0, uidOf = (offset: number): number => offset): Event[] =>
  Array.from({ length: to - from }, (_, i) => record(from + i, epoch, uidOf(from + i)))
const gap = (next: number, offsets: number, reason = 'retention', epoch = 0): Event => ({
  type: 'gap',
  reason,
  offsets,
  at: at(next, epoch),
})

const judged = (history: TopicHistory, events: readonly Event[], aborted: readonly number[] = []): Verdict =>
  judge(history, new Set(aborted), new Map([['client', events]]))

function assertFound({ counts, examples }: Verdict, expected: { readonly [fault in Fault]?: number }): void {
  const all = Object.fromEntries(FAULTS.map((fault) => [fault, expected[fault] ?? 0]))
  assert.deepEqual(counts, all, examples.join('\n'))
}

const TEN = historyOf([log(0, 10)])
/** The log after an election that took back all from 3 on. */
const NEW = (offset: number): number => (offset < 3 ? offset : 100 + offset)

describe('chaos oracle', () => {
  it('finds nothing where all came once and in order, over two connections', () => {
    const verdict = judged(TEN, [connected(0), ...records(0, 4), connected(4), ...records(4, 10)])
    assertFound(verdict, {})
    assert.equal(verdict.records, 10)
  })

  it('finds a hole amid a connection, at a resume, before a position, and at the end', () => {
    assertFound(judged(TEN, [connected(0), ...records(0, 4), ...records(5, 10)]), { hole: 1 })
    assertFound(judged(TEN, [connected(0), ...records(0, 4), connected(6), ...records(6, 10)]), { hole: 2 })
    assertFound(judged(TEN, [connected(0), ...records(0, 4), position(5), ...records(5, 10)]), { hole: 1 })
    assertFound(judged(TEN, [connected(0), ...records(0, 9)]), { hole: 1 })
  })

  it('takes no offset for a hole at which there is no record', () => {
    const history = historyOf([log(0, 10, [4, 5])])
    assertFound(judged(history, [connected(0), ...records(0, 4), position(6), ...records(6, 10)]), {})
  })

  it('finds a record of an aborted transaction, and one that never was', () => {
    const history = historyOf([log(0, 10, [4])])
    const events = [connected(0), ...records(0, 10)]
    assertFound(judged(history, events, [4]), { aborted: 1 })
    assertFound(judged(history, events), { foreign: 1 })
    assertFound(judged(TEN, [connected(0), ...records(0, 9), record(9, 0, 77)]), { foreign: 1, hole: 1 })
  })

  it('finds an inversion, a duplicate, and what lies before the cursor that was presented', () => {
    const swapped = [...records(0, 4), record(5), record(4), ...records(6, 10)]
    assertFound(judged(TEN, [connected(0), ...swapped]), { hole: 1, inversion: 1 })
    assertFound(judged(TEN, [connected(0), ...records(0, 5), record(4), ...records(5, 10)]), { duplicate: 1 })
    assertFound(judged(TEN, [connected(0), ...records(0, 5), connected(5), ...records(4, 10)]), { redelivered: 1 })
  })

  it('lets a gap cover what the log gave up, and nothing else', () => {
    const trimmed = historyOf([log(0, 10), log(6, 10)])
    const told = [connected(0), ...records(0, 4), gap(6, 2), ...records(6, 10)]
    assertFound(judged(trimmed, told), {})
    assertFound(judged(trimmed, told.toSpliced(5, 1)), { hole: 2 })
    assertFound(judged(TEN, told), { hole: 2 })
    assertFound(judged(trimmed, [connected(0), ...records(0, 4), gap(6, 1), ...records(6, 10)]), { hole: 1 })
  })

  it('lets records come again under new ids after a reset, and lets none be left out', () => {
    const anew = historyOf([log(0, 10)], [log(0, 12)])
    const old = [connected(0), ...records(0, 4)]
    assertFound(judged(anew, [...old, gap(0, 0, 'reset', 1), ...records(0, 12, 1)]), {})
    // What lies before the reset's place was had under the old ids.
    assertFound(judged(anew, [...old, gap(4, 0, 'reset', 1), ...records(4, 12, 1)]), {})
    assertFound(judged(anew, [...old, gap(6, 0, 'reset', 1), ...records(6, 12, 1)]), { hole: 2 })
    assertFound(judged(anew, [...old, ...records(4, 12, 1)]), { hole: 1 })
    assertFound(judged(anew, [connected(0), ...records(0, 10)]), { hole: 2 })
  })

  it('asks for no record that an unclean election took back, and for all that came in their place', () => {
    const parted = historyOf([log(0, 8), log(0, 12, [], NEW)])
    const told = [connected(0), ...records(0, 8), gap(0, 0, 'reset'), ...records(0, 12, 0, NEW)]
    assertFound(judged(parted, told), {})
    const neverHad = [connected(0), ...records(0, 3), connected(3), ...records(3, 12, 0, NEW)]
    assertFound(judged(parted, neverHad), {})
    const untold = [connected(0), ...records(0, 8), connected(8), ...records(8, 12, 0, NEW)]
    assertFound(judged(parted, untold), { hole: 5 })
  })

  it('looks at each client for itself', () => {
    const whole = [connected(0), ...records(0, 10)]
    const clients = new Map([
      ['whole', whole],
      ['half', whole.slice(0, 6)],
    ])
    const { counts, examples } = judge(TEN, new Set(), clients)
    assert.equal(counts.hole, 5)
    assert.ok(examples.every((one) => one.includes('half')))
  })
})
