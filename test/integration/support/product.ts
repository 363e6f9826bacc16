import type { PricePlan, Product, Stream, StreamParameter } from '../../../gateway/catalog/plan.ts'

export function pricePlan(more: Partial<PricePlan> = {}): PricePlan {
  return {
    name: 'free',
    price: '0',
    priceCurrency: 'EUR',
    billingDuration: 'month',
    includedMessages: 0,
    tiers: [],
    replay: null,
    overage: null,
    windows: [],
    rate: null,
    connections: null,
    subscriptions: null,
    replayHorizonMs: null,
    onLimit: 'pause',
    onRedisLoss: 'local',
    ...more,
  }
}

export function stream(more: Partial<Stream> = {}): Stream {
  return {
    id: 'events',
    title: 'Seismic events',
    description: null,
    expose: 'read',
    topic: 'quakes.v1',
    partitions: 2,
    servers: [],
    scope: null,
    showKey: true,
    showHeaders: ['source'],
    headerWords: [],
    invalid: 'frame',
    message: 'quake',
    kinds: [],
    contentType: 'application/json',
    encoding: { kind: 'json' },
    schema: null,
    filterable: [],
    parameters: [],
    ...more,
  }
}

/** Chooses the topic where nothing else is said. */
export function parameter(name: string, more: Partial<StreamParameter> = {}): StreamParameter {
  return { name, description: null, examples: [], values: null, pattern: null, default: null, field: null, ...more }
}

/** An open, public product with one stream, `quakes/events`. */
export function product(more: Partial<Product> = {}): Product {
  return {
    id: 'quakes',
    title: 'Quakes',
    version: '1.0.0',
    description: null,
    license: null,
    owner: { team: 'seismology', email: null },
    contact: null,
    domain: null,
    visibility: 'public',
    access: 'open',
    lifecycle: 'released',
    deprecation: null,
    sla: [],
    defaultPlan: 'free',
    plans: [pricePlan()],
    streams: [stream()],
    view: null,
    ...more,
  }
}
