import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Granted, Leases, Notice } from '../../../gateway/quota/leases.ts'
import { until } from '../../integration/support/until.ts'
import { DAY, HandClock, MINUTE, NOON, agreementOf, askOf, perDay, perMinute, perMonth } from './world.ts'

export type OpenLeases = (clock: HandClock) => Promise<Leases>

function granted(answer: Answer | undefined): Granted {
  assert.ok(answer && answer.kind !== 'unknown', 'the store knows the windows')
  return answer
}

/** What every `Leases` must do with single asks. */
export function portSuite(open: OpenLeases): void {
  const ask = async (leases: Leases, one: Parameters<Leases['swap']>[0][number]): Promise<Granted> =>
    granted((await leases.swap([one]))[0])

  test('an ask that comes again is granted the same, and counted once', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(160)])
    const first = await ask(leases, askOf(agreement, {}))
    const again = await ask(leases, askOf(agreement, {}))
    assert.equal(first.granted.messages, 10)
    assert.deepEqual([again.granted, again.starts, again.endsAt], [first.granted, first.starts, first.endsAt])
    assert.equal(again.windows[0]?.used.messages, 10)
  })

  test('what is given back counts back in the windows that go on, and in no other', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const agreement = agreementOf([perMinute(160), { perMs: 3_600_000, messages: 1600, bytes: null }])
    const first = await ask(leases, askOf(agreement, {}))
    clock.advance(MINUTE)
    const next = await ask(leases, askOf(agreement, { id: 2, need: { messages: 4, bytes: 0 } }))
    assert.equal(next.granted.messages, 10)
    const returned = [{ starts: first.starts, messages: 7, bytes: 0 }]
    const last = await ask(leases, askOf(agreement, { id: 3, need: null, returned, held: { messages: 3, bytes: 0 } }))
    assert.deepEqual(
      last.windows.map(({ used }) => used.messages),
      [10, 13],
    )
  })

  test('nobody gives back more than it holds', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(160)])
    const first = await ask(leases, askOf(agreement, {}))
    await ask(leases, askOf(agreement, { holder: 'b' }))
    const returned = [{ starts: first.starts, messages: 50, bytes: 0 }]
    const last = await ask(leases, askOf(agreement, { id: 2, need: null, returned }))
    assert.equal(last.windows[0]?.used.messages, 10)
  })

  test('a day or a month that the store knows nothing of is unknown until it is seeded', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(100), perDay(100), perMonth(1000)])
    const [unknown] = await leases.swap([askOf(agreement, {})])
    assert.ok(unknown?.kind === 'unknown')
    assert.deepEqual(unknown.windows, [1, 2])
    assert.deepEqual(unknown.starts, [NOON, Date.UTC(2026, 10, 22), Date.UTC(2026, 10, 1)])
    const seeds = unknown.starts.map((start, i) => (i === 0 ? null : { start, messages: 40 * i, bytes: 0 }))
    const seeded = await ask(leases, askOf(agreement, { seeds }))
    assert.equal(seeded.granted.messages, 7)
    assert.deepEqual(
      seeded.windows.map(({ used }) => used.messages),
      [7, 47, 87],
    )
  })

  test('a floor lifts a count that the store has lost', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(100)])
    const floors = [{ start: NOON, messages: 99, bytes: 0 }]
    const first = await ask(leases, askOf(agreement, { floors, need: { messages: 2, bytes: 0 } }))
    assert.deepEqual([first.kind, first.resumesAt], ['exhausted', NOON + MINUTE])
    const other = [{ start: NOON - MINUTE, messages: 99, bytes: 0 }]
    assert.equal((await ask(leases, askOf(agreementOf([perMinute(100)]), { floors: other }))).granted.messages, 7)
  })

  test('what was handed out while the store was away is added, beyond the limit too', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(100)])
    const owed = [{ starts: [NOON], messages: 130, bytes: 0 }]
    const answer = await ask(leases, askOf(agreement, { owed }))
    assert.deepEqual([answer.kind, answer.windows[0]?.used.messages], ['exhausted', 130])
  })

  test('what the ledger knows of a window holds what was handed out while the store was away: it is not added again', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perDay(160)])
    const start = Date.UTC(2026, 10, 22)
    const starts = [start]
    const owed = [{ starts, messages: 20, bytes: 0 }]
    const returned = [{ starts, messages: 5, bytes: 0 }]
    const floors = [{ start, messages: 100, bytes: 0 }]
    const seeds = [{ start, messages: 118, bytes: 0 }]
    const late = await ask(leases, askOf(agreement, { need: null, owed, floors, seeds }))
    assert.equal(late.windows[0]?.used.messages, 120, 'the ledger may lag')
    const other = askOf(agreementOf([perDay(160)]), { need: null, owed, returned, floors, seeds })
    assert.equal((await ask(leases, other)).windows[0]?.used.messages, 118)
  })

  test('one waits while another holds, and is told when it gives back', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const agreement = agreementOf([perMinute(16)])
    const all = { messages: 16, bytes: 0 }
    const first = await ask(leases, askOf(agreement, { need: all }))
    assert.equal((await ask(leases, askOf(agreement, { holder: 'b' }))).kind, 'wait')
    const look = await ask(leases, askOf(agreement, { id: 2, need: null, held: all }))
    assert.equal(look.wanted, true)
    const returned = [{ starts: first.starts, ...all }]
    await ask(leases, askOf(agreement, { id: 3, need: null, returned }))
    const second = await ask(leases, askOf(agreement, { holder: 'b', id: 2 }))
    assert.deepEqual([second.kind, second.wanted], ['granted', false])
  })

  test('nobody waits for one that was not heard of for long', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const agreement = agreementOf([perMinute(16)])
    await ask(leases, askOf(agreement, { need: { messages: 16, bytes: 0 } }))
    clock.advance(16_000)
    const answer = await ask(leases, askOf(agreement, { holder: 'b' }))
    assert.deepEqual([answer.kind, answer.resumesAt], ['exhausted', NOON + MINUTE])
  })

  test('several exhausted windows resume when all of them have ended', async () => {
    const leases = await open(new HandClock(NOON))
    const windows = [perMinute(10), { perMs: 3_600_000, messages: 10, bytes: null }] as const
    const floors = windows.map(() => ({ start: NOON, messages: 10, bytes: 0 }))
    for (const order of [windows, windows.toReversed()])
      assert.equal((await ask(leases, askOf(agreementOf(order), { floors }))).resumesAt, NOON + 3_600_000)
  })

  test('holders hear that another waits, and who waits hears that something came back', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(16)])
    const all = { messages: 16, bytes: 0 }
    const heard: Notice[] = []
    const stop = leases.listen((notice) => void (notice.agreement === agreement.id && heard.push(notice)))
    const hears = (kind: Notice['kind'], holder: string): boolean =>
      heard.some((notice) => notice.kind === kind && notice.holder === holder)
    const first = await ask(leases, askOf(agreement, { need: all }))
    let id = 0
    await until('somebody listens', async () => {
      await ask(leases, askOf(agreement, { holder: 'b', id: ++id }))
      return hears('wanted', 'b')
    })
    assert.ok(!heard.some(({ kind }) => kind === 'returned'))
    const returned = [{ starts: first.starts, ...all }]
    await ask(leases, askOf(agreement, { id: 2, need: null, returned }))
    await until('it came back', () => hears('returned', 'a'))
    stop()
  })

  test('bytes are counted like messages, and a chunk holds at least what is needed', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(1600, 16_000)])
    const first = await ask(leases, askOf(agreement, { need: { messages: 1, bytes: 9_000 } }))
    assert.deepEqual(first.granted, { messages: 100, bytes: 9_000 })
    const second = await ask(leases, askOf(agreement, { holder: 'b', need: { messages: 1, bytes: 8_000 } }))
    assert.equal(second.kind, 'wait')
  })

  test('a holder has no more than one chunk, however often more would be welcome', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(1600, 16_000)])
    const first = await ask(leases, askOf(agreement, { need: { messages: 1, bytes: 1 } }))
    assert.deepEqual(first.granted, { messages: 100, bytes: 1000 })
    const more = { id: 2, held: { messages: 60, bytes: 700 }, need: { messages: 0, bytes: 0 } }
    assert.deepEqual((await ask(leases, askOf(agreement, more))).granted, { messages: 40, bytes: 300 })
  })

  test('a window of overage counts and never refuses', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(16)])
    const need = { messages: 30, bytes: 0 }
    const first = await ask(leases, askOf(agreement, { overage: true, need }))
    const second = await ask(leases, askOf(agreement, { overage: true, need, id: 2 }))
    assert.deepEqual([first.kind, second.kind, second.windows[0]?.used.messages], ['granted', 'granted', 60])
  })

  test('a chunk is no more than the asker spends in a minute', async () => {
    const leases = await open(new HandClock(NOON))
    const agreement = agreementOf([perMinute(1600)])
    assert.equal((await ask(leases, askOf(agreement, { pace: { messages: 3, bytes: 0 } }))).granted.messages, 3)
  })

  for (const { spends, chunk } of [
    { spends: 300, chunk: 100 },
    { spends: 600, chunk: 140 },
    { spends: 6_000, chunk: 200 },
  ]) {
    test(`who is alone and spends ${spends} a minute of 1,600 gets ${chunk}, and beside another 100 at most`, async () => {
      const leases = await open(new HandClock(NOON))
      const agreement = agreementOf([perMinute(1600)])
      const pace = { messages: spends, bytes: 0 }
      assert.equal((await ask(leases, askOf(agreement, { pace }))).granted.messages, chunk)
      const other = await ask(leases, askOf(agreement, { holder: 'b', pace }))
      assert.equal(other.granted.messages, 100)
    })
  }

  const MONTHS: readonly (readonly [at: number, start: number, end: number])[] = [
    [Date.UTC(2028, 1, 29, 23, 59, 50), Date.UTC(2028, 1, 1), Date.UTC(2028, 2, 1)],
    [Date.UTC(2027, 1, 28, 12), Date.UTC(2027, 1, 1), Date.UTC(2027, 2, 1)],
    [Date.UTC(2026, 11, 31, 23, 59, 50), Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 1)],
    [Date.UTC(2027, 0, 1), Date.UTC(2027, 0, 1), Date.UTC(2027, 1, 1)],
    [Date.UTC(2026, 6, 31), Date.UTC(2026, 6, 1), Date.UTC(2026, 7, 1)],
    [Date.UTC(2100, 1, 28, 12), Date.UTC(2100, 1, 1), Date.UTC(2100, 2, 1)],
  ]
  for (const [at, start, end] of MONTHS) {
    test(`the month of ${new Date(at).toISOString()} has its edges in UTC`, async () => {
      const leases = await open(new HandClock(at))
      const seeds = [{ start, messages: 0, bytes: 0 }]
      const answer = await ask(leases, askOf(agreementOf([perMonth(1000)]), { seeds }))
      assert.deepEqual([answer.starts, answer.endsAt, answer.windows[0]?.end], [[start], end, end])
    })
  }

  test('a new day of an agreement that is known is not unknown', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const agreement = agreementOf([perDay(160)])
    const seeds = [{ start: Date.UTC(2026, 10, 22), messages: 100, bytes: 0 }]
    await ask(leases, askOf(agreement, { seeds }))
    clock.advance(DAY)
    assert.equal((await ask(leases, askOf(agreement, { id: 2 }))).windows[0]?.used.messages, 10)
  })

  test('time that runs back opens no window again', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const agreement = agreementOf([perMinute(160)])
    await ask(leases, askOf(agreement, {}))
    clock.set(NOON - 10_000)
    assert.equal((await ask(leases, askOf(agreement, { id: 2 }))).windows[0]?.used.messages, 20)
  })

  test('seats are exact over the nodes, and those of a dead node are free after a minute', async () => {
    const clock = new HandClock(NOON)
    const leases = await open(clock)
    const { id } = agreementOf([])
    const seat = { agreement: id, kind: 'connections', limit: 5 } as const
    assert.deepEqual(
      await leases.seat([
        { ...seat, node: 'a', held: 0, want: 3 },
        { ...seat, node: 'b', held: 0, want: 3 },
      ]),
      [3, 2],
    )
    assert.deepEqual(await leases.seat([{ ...seat, node: 'b', held: 1, want: 2 }]), [2])
    clock.advance(40_000)
    assert.deepEqual(await leases.seat([{ ...seat, node: 'b', held: 2, want: 0 }]), [2])
    clock.advance(21_000)
    assert.deepEqual(await leases.seat([{ ...seat, node: 'b', held: 2, want: 9 }]), [5])
  })
}
