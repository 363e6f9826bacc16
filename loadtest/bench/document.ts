import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '../../test/services/scratch.ts'

export const PRODUCT = 'bench'
export const STREAM = 'lanes'
export const PLAN = 'bulk'

/** A folder with one product: a stream whose parameter chooses the topic, on a plan that allows so many records a minute. */
export function writeSpecs(prefix: string, perMinuteMax: number): string {
  const folder = join(scratchFolder('specs'), 'specs')
  mkdirSync(folder)
  writeFileSync(join(folder, `${PRODUCT}.yaml`), JSON.stringify(documentOf(prefix, perMinuteMax)))
  return folder
}

export function topicOf(prefix: string, lane: number): string {
  return `${prefix}.${lane}`
}

function documentOf(prefix: string, perMinuteMax: number): object {
  return {
    asyncapi: '3.0.0',
    info: { title: 'Bench', version: '1.0.0', 'x-data-product': productOf(perMinuteMax) },
    defaultContentType: 'application/json',
    servers: { main: { host: 'kafka:9092', protocol: 'kafka', 'x-cluster': 'main' } },
    channels: { [STREAM]: channelOf(`${prefix}.{lane}`) },
    operations: { [STREAM]: { action: 'send', channel: { $ref: `#/channels/${STREAM}` } } },
    components: { schemas: { Entry: ENTRY } },
  }
}

function productOf(perMinuteMax: number): object {
  const windows = [
    { per: 'P1M', messages: 50_000_000_000 },
    { per: 'PT1M', messages: perMinuteMax },
  ]
  const places = { connections: 20_000, subscriptions: 50_000 }
  const terms = { windows, ...places, onLimit: 'pause', onRedisLoss: 'local' }
  return {
    id: PRODUCT,
    owner: { team: 'bench' },
    visibility: 'public',
    access: 'open',
    lifecycle: 'released',
    defaultPlan: PLAN,
    plans: [{ name: PLAN, price: '0', priceCurrency: 'EUR', billingDuration: 'month', ...terms }],
  }
}

const ENTRY = {
  type: 'object',
  required: ['n', 't', 'kind', 'pad'],
  properties: {
    n: { type: 'integer', minimum: 0 },
    t: { type: 'integer', minimum: 0 },
    kind: { type: 'string' },
    pad: { type: 'string' },
  },
}

function channelOf(address: string): object {
  return {
    address,
    parameters: { lane: { description: 'Number of the topic.' } },
    messages: { entry: { name: 'entry', payload: { $ref: '#/components/schemas/Entry' } } },
    bindings: { kafka: { topic: address } },
    'x-data-product': { expose: 'read', showKey: false, filterable: ['kind'], invalid: 'frame' },
  }
}
