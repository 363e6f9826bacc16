import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  CURSOR_CHARS_MAX,
  decodeCursor,
  encodeCursor,
  isFault,
  streamTag,
  type Cursor,
} from '../../gateway/stream/cursor.ts'
import { isUnresolved, type Vector } from '../../gateway/stream/source.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Offsets stay below 2^52: Kafka gets there after a century and a half at 10^6 records/s. */
const OFFSET_MAX = 2 ** 52 - 1
const TIME_MAX = 8.64e15
/** The widest vector of which every entry still has its byte. */
const PARTITIONS_MAX = 2_000

const offset = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 63, 64, 127, 128, 8191, 8192, OFFSET_MAX - 1, OFFSET_MAX) },
  { weight: 3, arbitrary: fc.maxSafeNat().map((n) => n % (OFFSET_MAX + 1)) },
  { weight: 2, arbitrary: fc.nat(100_000) },
)
const since = fc.oneof(fc.integer({ min: 1, max: OFFSET_MAX }), fc.integer({ min: 1.7e12, max: 1.9e12 }))
const entry = fc.oneof({ weight: 6, arbitrary: offset }, { weight: 1, arbitrary: since.map((time) => -time) })
const tag = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const position = fc.record({
  log: fc.oneof(fc.constant(0), tag),
  epoch: fc.oneof(fc.nat(3), fc.maxSafeNat()),
  time: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: TIME_MAX })),
})
const narrow = fc.array(entry, { maxLength: 40 })
/** Seeds of wide vectors: fast-check shrinks a spread sooner than 2,000 numbers. */
const wide = fc
  .record({
    count: fc.integer({ min: 41, max: PARTITIONS_MAX }),
    some: fc.array(entry, { minLength: 1, maxLength: 50 }),
  })
  .map(({ count, some }) => Array.from({ length: count }, (_, i) => some[(i * 7 + (i >> 5)) % some.length] as number))

function decoded(text: string, of: number): Cursor {
  const cursor = decodeCursor(text, of)
  assert.ok(!isFault(cursor), `${text} is ${cursor as string}`)
  return cursor
}

/** Low bits given up: every entry of a shifted cursor is a multiple of 2^shift. */
function shiftOf(original: Vector, got: Vector): number {
  for (let shift = 0; shift <= 52; shift++) {
    const unit = 2 ** shift
    if (original.every((next, p) => Math.floor(Math.abs(next) / unit) * unit === Math.abs(got[p] as number)))
      return shift
  }
  return Number.POSITIVE_INFINITY
}

describe('cursor', () => {
  it('a position survives the way through its text unchanged', () => {
    fc.assert(
      fc.property(tag, position, narrow, (of, { log, epoch, time }, vector) => {
        const text = encodeCursor(of, epoch, time, vector, log)
        assert.ok(text.length <= CURSOR_CHARS_MAX)
        assert.deepEqual(decoded(text, of), { epoch, log, time, vector })
      }),
      { numRuns: 3_000 },
    )
  })

  it('however wide, it fits its bound, goes back at most as many low bits as that needs, and never forward', () => {
    fc.assert(
      fc.property(tag, position, wide, (of, { epoch, time }, vector) => {
        const text = encodeCursor(of, epoch, time, vector)
        assert.ok(text.length <= CURSOR_CHARS_MAX, `${text.length} characters`)
        const got = decoded(text, of)
        assert.equal(got.epoch, epoch)
        assert.equal(got.time, time)
        assert.equal(got.vector.length, vector.length)
        const shift = shiftOf(vector, got.vector)
        got.vector.forEach((next, p) => {
          const original = vector[p] as number
          assert.equal(isUnresolved(next), isUnresolved(original) && -original >= 2 ** shift)
          assert.ok(Math.abs(next) <= Math.abs(original))
          assert.ok(Math.abs(original) - Math.abs(next) < 2 ** shift)
        })
      }),
      { numRuns: 300 },
    )
  })

  it('a thousand partitions within 64 records of each other are exact', () => {
    const vector = Array.from({ length: 1000 }, (_, p) => 9_000_000_000 + (p % 64))
    assert.deepEqual(decoded(encodeCursor(1, 0, 0, vector), 1).vector, vector)
  })

  it('two thousand partitions without a leader have a cursor too', () => {
    const vector = Array.from({ length: 2000 }, () => -1_790_000_000_000)
    assert.deepEqual(decoded(encodeCursor(1, 0, 0, vector), 1).vector, vector)
  })

  it('a thousand partitions spread over a million records go back less than 256', () => {
    const vector = Array.from({ length: 1000 }, (_, p) => 5_000_000 + ((p * 7919) % 1_000_000))
    const got = decoded(encodeCursor(1, 0, 0, vector), 1).vector
    got.forEach((next, p) => assert.ok((vector[p] as number) - next < 256))
  })

  it('a text with any one character changed, cut off or added is refused', () => {
    fc.assert(
      fc.property(tag, position, narrow, fc.nat(), (of, { epoch, time }, vector, salt) => {
        const text = encodeCursor(of, epoch, time, vector)
        for (let at = 0; at < text.length; at++) {
          const other = ALPHABET[(salt + at) % 64] as string
          if (other !== text[at]) assertRefused(text.slice(0, at) + other + text.slice(at + 1), of)
          assertRefused(text.slice(0, at), of)
          assertRefused(text.slice(0, at) + text.slice(at + 1), of)
          assertRefused(text.slice(0, at) + other + text.slice(at), of, text)
        }
        for (const end of ['A', '=', '==', ' ', '\n', '\0', 'é']) assertRefused(text + end, of)
      }),
      { numRuns: 100 },
    )
  })

  it('every single-character damage of one cursor is refused', () => {
    const text = encodeCursor(streamTag('p/s'), 1, 1_790_000_000_000, [5, 1_000_000, -1_790_000_000_123])
    for (let at = 0; at < text.length; at++)
      for (const other of ALPHABET + '.=+/ ')
        if (other !== text[at]) assertRefused(text.slice(0, at) + other + text.slice(at + 1), streamTag('p/s'))
  })

  it('a cursor of another stream is told apart from a damaged one', () => {
    const text = encodeCursor(streamTag('quakes/events'), 0, 0, [1, 2])
    assert.equal(decodeCursor(text, streamTag('quakes/alerts')), 'foreign')
    assert.equal(decodeCursor(text.slice(0, -1), streamTag('quakes/alerts')), 'damaged')
  })

  it('a cursor of a later version is told apart, and nonsense is damaged', () => {
    for (const text of ['w2.AAAA', 'w2.', 'w10.x', 'w999999.~']) assert.equal(decodeCursor(text, 1), 'newer')
    for (const text of ['', 'w', 'w1', 'w1.', 'w0.AAAA', 'w01.AAAA', 'W1.AAAA', 'x1.AAAA', 'w1.AAAAAAAAAAAAAAAAAA'])
      assert.equal(decodeCursor(text, 1), 'damaged')
    assert.equal(decodeCursor('w1.' + 'A'.repeat(CURSOR_CHARS_MAX), 1), 'damaged')
  })

  it('no two positions share a text, and no two texts stand for one position', () => {
    fc.assert(
      fc.property(position, narrow, position, narrow, (a, first, b, second) => {
        const one = encodeCursor(7, a.epoch, a.time, first)
        const two = encodeCursor(7, b.epoch, b.time, second)
        const same = a.epoch === b.epoch && a.time === b.time && JSON.stringify(first) === JSON.stringify(second)
        assert.equal(one === two, same)
        const { epoch, time, vector } = decoded(one, 7)
        assert.equal(encodeCursor(7, epoch, time, vector), one)
      }),
    )
  })

  it('arbitrary text is refused, never misread', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 200 }), (text, bytes) => {
        assertRefused(text, 1)
        assertRefused('w1.' + Buffer.from(bytes).toString('base64url'), 1)
      }),
      { numRuns: 2_000 },
    )
  })

  it('a forged cursor with a sound check but times or offsets that cannot be is refused', () => {
    assert.equal(decodeCursor(encodeCursor(1, 0, TIME_MAX + 1, [0]), 1), 'damaged')
    assert.equal(decodeCursor(encodeCursor(1, 0, 0, [-(TIME_MAX + 1)]), 1), 'damaged')
    assert.ok(!isFault(decodeCursor(encodeCursor(1, 0, TIME_MAX, [-TIME_MAX, 5]), 1)))
  })
})

/** Inserting a character beside its like gives the same text; everything else is refused. */
function assertRefused(text: string, of: number, except?: string): void {
  if (text !== except) assert.ok(isFault(decodeCursor(text, of)), `${text} is taken`)
}
