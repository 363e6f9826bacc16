import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { planVersionOf } from '../../gateway/access/planVersion.ts'
import { formatExact, parseExact, perThousand, roundHalfEven } from '../../gateway/billing/money.ts'
import { feeOf, price } from '../../gateway/billing/pricing.ts'
import { PRO } from './plans.ts'

const rounded = (text: string, digits = 2): string => formatExact(roundHalfEven(parseExact(text), digits))

describe('pricing', () => {
  it('rounds half to the even neighbour, and everything else to the nearest', () => {
    const table = [
      ['0.005', '0.00'],
      ['0.015', '0.02'],
      ['0.025', '0.02'],
      ['0.0250001', '0.03'],
      ['0.0149999', '0.01'],
      ['2.675', '2.68'],
      ['1', '1.00'],
      ['999999999999999.995', '1000000000000000.00'],
    ] as const
    for (const [exact, to] of table) assert.equal(rounded(exact), to, exact)
    assert.equal(rounded('2.5', 0), '2')
    assert.equal(rounded('3.5', 0), '4')
  })

  it('keeps what floats lose: a tenth of a cent, ten thousand billion times', () => {
    assert.equal(formatExact(perThousand(parseExact('0.001'), 9_007_199_254_740_991)), '9007199254.740991')
    assert.throws(() => parseExact('1e3'), /no price/)
    assert.throws(() => parseExact('-1'), /no price/)
  })

  it('gives what is included free, then climbs the tiers, and prices replays apart', () => {
    // 1,000 free; then 9,000 at 2.00 a thousand, the rest at 1.00.
    const table = [
      [[{ billed: 1000, replay: 0 }], [[1000, '0.00']]],
      [[{ billed: 1001, replay: 0 }], [[1000, '0.00']]],
      [[{ billed: 1003, replay: 0 }], [[1000, '0.01']]],
      [[{ billed: 10_000, replay: 0 }], [[1000, '18.00']]],
      [[{ billed: 12_000, replay: 0 }], [[1000, '20.00']]],
      [[{ billed: 1500, replay: 1000 }], [[1000, '0.25']]],
      [
        [
          { billed: 600, replay: 0 },
          { billed: 10_400, replay: 0 },
        ],
        [
          [600, '0.00'],
          [400, '19.00'],
        ],
      ],
    ] as const
    for (const [lines, told] of table) {
      assert.deepEqual(
        price(PRO, lines).map(({ free, amount }) => [free, formatExact(amount)]),
        told,
      )
    }
  })

  it('prices a month alike however it is split over streams, but for the rounding', () => {
    const counts = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 5 })
    const fine = { ...PRO, replay: null, tiers: PRO.tiers.map((tier) => ({ ...tier, per1000: '10.00' })) }
    fc.assert(
      fc.property(counts, (split) => {
        const whole = price(fine, [{ billed: split.reduce((a, b) => a + b, 0), replay: 0 }])
        const parts = price(
          fine,
          split.map((billed) => ({ billed, replay: 0 })),
        )
        const sum = (list: typeof parts) => list.reduce((total, one) => total + one.amount.units, 0n)
        assert.equal(sum(parts), sum(whole))
      }),
    )
  })

  it('knows how many digits a currency has', () => {
    assert.equal(formatExact(feeOf({ ...PRO, price: '49', priceCurrency: 'EUR' })), '49.00')
    assert.equal(formatExact(feeOf({ ...PRO, price: '49', priceCurrency: 'JPY' })), '49')
    assert.equal(formatExact(feeOf({ ...PRO, price: '49', priceCurrency: 'KWD' })), '49.000')
  })

  it('names terms by their hash: the order of members is no matter, every value is', () => {
    const shuffled = Object.fromEntries(Object.entries(PRO).toReversed()) as unknown as typeof PRO
    assert.equal(planVersionOf(shuffled), planVersionOf(PRO))
    assert.match(planVersionOf(PRO), /^[0-9a-f]{16}$/)
    assert.notEqual(planVersionOf({ ...PRO, includedMessages: 1001 }), planVersionOf(PRO))
  })
})
