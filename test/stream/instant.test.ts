import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { instantOf } from '../../gateway/stream/instant.ts'

describe('instant', () => {
  it('the same instant is the same text, in whatever zone and precision it was written', () => {
    const same = [
      '2026-11-22T15:00:00Z',
      '2026-11-22t15:00:00.000z',
      '2026-11-22 16:00:00+01:00',
      '2026-11-22T16:00:00+0100',
      '2026-11-22T16:00+01',
      '2026-11-22T00:30:00.0-14:30',
    ]
    assert.deepEqual([...new Set(same.map(instantOf))], ['2026-11-22T15:00:00'])
  })

  it('what differs by a nanosecond differs', () => {
    assert.equal(instantOf('2026-11-22T15:00:00.123456789Z'), '2026-11-22T15:00:00.123456789')
    const [a, b, c] = ['00.1234567', '00.123456701', '00.1234568'].map((s) => instantOf(`2026-11-22T15:00:${s}Z`))
    assert.ok(a !== null && b !== undefined && b !== null && c !== undefined && c !== null && a !== undefined)
    assert.ok(a < b && b < c)
  })

  it('a leap second is the first second of the next minute', () => {
    assert.equal(instantOf('2016-12-31T23:59:60Z'), '2017-01-01T00:00:00')
    assert.equal(instantOf('2016-12-31T23:59:60.5Z'), '2017-01-01T00:00:00.5')
  })

  it('years before 100 are years before 100', () => {
    assert.equal(instantOf('0033-04-03T15:00:00Z'), '0033-04-03T15:00:00')
    assert.equal(instantOf('0000-01-01T00:00:00Z'), '0000-01-01T00:00:00')
    assert.equal(instantOf('9999-12-31T23:59:59.999Z'), '9999-12-31T23:59:59.999')
  })

  it('what is no instant is none: no zone, no such day, hour or zone, no four-digit year', () => {
    const none = [
      '',
      '2026',
      '2026-11-22',
      '2026-11-22T15:00:00',
      '2026-02-30T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T12:60:00Z',
      '2026-01-01T12:00:61Z',
      '2026-01-01T12:00:00+24:00',
      '2026-01-01T12:00:00+01:60',
      '2026-01-01T12:00:00,5Z',
      '0000-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
      'Feb 6 2026 12:00 UTC',
      '1770000000000',
      '2026-01-01T12:00:00Z\n',
    ]
    for (const text of none) assert.equal(instantOf(text), null, text)
  })

  it('texts sort as the instants do', () => {
    const parts = fc.record({
      ms: fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9990, 0) }),
      near: fc.integer({ min: -2, max: 2 }),
      zoneMinutes: fc.integer({ min: -1_439, max: 1_439 }),
      beyondMs: fc.stringMatching(/^\d{0,6}$/),
    })
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        const other = { ...two, ms: one.ms + two.near }
        const [a, b] = [instantOf(written(one)), instantOf(written(other))]
        assert.ok(a !== null && b !== null)
        const [x, y] = [exact(one), exact(other)]
        assert.equal(Math.sign(a < b ? -1 : a > b ? 1 : 0), x < y ? -1 : x > y ? 1 : 0)
      }),
    )
  })
})

interface Parts {
  readonly ms: number
  readonly zoneMinutes: number
  readonly beyondMs: string
}

function written({ ms, zoneMinutes, beyondMs }: Parts): string {
  const zone = Math.abs(zoneMinutes)
  const two = (n: number): string => String(n).padStart(2, '0')
  const local = new Date(ms + zoneMinutes * 60_000).toISOString().slice(0, -1)
  return `${local}${beyondMs}${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(zone / 60))}:${two(zone % 60)}`
}

/** In units of 10^-9 s. */
function exact({ ms, beyondMs }: Parts): bigint {
  return BigInt(ms) * 1_000_000n + BigInt(beyondMs.padEnd(6, '0'))
}
