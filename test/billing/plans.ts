import type { PricePlan } from '../../gateway/catalog/plan.ts'

/** Prices that can be reckoned in the head. */
export const PRO: PricePlan = {
  name: 'pro',
  price: '49.00',
  priceCurrency: 'EUR',
  billingDuration: 'month',
  includedMessages: 1000,
  tiers: [
    { upTo: 10_000, per1000: '2.00' },
    { upTo: null, per1000: '1.00' },
  ],
  replay: { per1000: '0.50', olderThanMs: 3_600_000 },
  overage: null,
  windows: [],
  rate: null,
  connections: null,
  subscriptions: null,
  replayHorizonMs: null,
  onLimit: 'pause',
  onRedisLoss: 'local',
}
