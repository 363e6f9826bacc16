import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planWords } from '../../gateway/portal/planWords.ts'
import { pricePlan } from '../integration/support/product.ts'

describe('a plan in words', () => {
  it('says the fee, what it includes, each tier, what history costs, and every limit', () => {
    const words = planWords(
      pricePlan({
        price: '49.00',
        includedMessages: 1_000_000,
        tiers: [
          { upTo: 10_000_000, per1000: '0.020' },
          { upTo: null, per1000: '0.012' },
        ],
        replay: { per1000: '0.005', olderThanMs: 3_600_000 },
        overage: { per1000: '0.030' },
        windows: [
          { perMs: 'month', messages: 50_000_000, bytes: 200e9 },
          { perMs: 60_000, messages: 100_000, bytes: null },
          { perMs: 900_000, messages: null, bytes: 1_500 },
        ],
        rate: { messages: 50, burst: 200 },
        connections: 1,
        subscriptions: 100,
        replayHorizonMs: 30 * 86_400_000,
        onLimit: 'overage',
      }),
    )
    assert.deepEqual(words, {
      price: 'EUR 49.00 a month',
      terms: [
        [
          'Price',
          [
            '1,000,000 records a month are included',
            'up to record 10,000,000: EUR 0.020 per 1,000',
            'beyond: EUR 0.012 per 1,000',
            'older than 1 hour when first delivered: EUR 0.005 per 1,000',
          ],
        ],
        [
          'Allowance',
          ['50,000,000 records and 200 GB a calendar month', '100,000 records every minute', '1.5 kB every 15 minutes'],
        ],
        ['At the limit', ['the stream goes on, at EUR 0.030 per 1,000']],
        ['Pace', ['50 records a second, 200 at once']],
        ['At a time', ['1 connection', '100 subscriptions']],
        ['History', ['30 days back']],
      ],
    })
  })

  it('a plan without anything to pay or to keep to says so in a word', () => {
    assert.deepEqual(planWords(pricePlan({ price: '0.00' })), {
      price: 'Free',
      terms: [['History', ['as far as the topic keeps']]],
    })
  })

  it('a tier that the included records use up is not named, and a single price is one for each record', () => {
    const tiers = [
      { upTo: 1_000, per1000: '1' },
      { upTo: null, per1000: '0.5' },
    ]
    assert.deepEqual(planWords(pricePlan({ includedMessages: 5_000, tiers })).terms[0]?.[1], [
      '5,000 records a month are included',
      'beyond: EUR 0.5 per 1,000',
    ])
    const one = pricePlan({ tiers: [{ upTo: null, per1000: '0.5' }] })
    assert.deepEqual(planWords(one).terms[0]?.[1], ['each record: EUR 0.5 per 1,000'])
  })

  it('what happens at the limit is what the plan says', () => {
    const windows = [{ perMs: 86_400_000, messages: 10, bytes: null }] as const
    const said = (onLimit: 'pause' | 'close'): string | undefined =>
      planWords(pricePlan({ windows, onLimit })).terms.find(([what]) => what === 'At the limit')?.[1][0]
    assert.match(said('pause') ?? '', /waits/)
    assert.match(said('close') ?? '', /closed/)
  })
})
