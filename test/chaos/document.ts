import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '../services/scratch.ts'

export const PRODUCT = 'chaos'

export const streamOf = (run: number): string => `run-${run}`

/** A folder with one product whose streams are one topic each: a run of a fault takes a stream that nobody has read yet. */
export function writeSpecs(topics: readonly string[]): string {
  const folder = join(scratchFolder('specs'), 'specs')
  mkdirSync(folder)
  writeFileSync(join(folder, `${PRODUCT}.yaml`), JSON.stringify(documentOf(topics)))
  return folder
}

function documentOf(topics: readonly string[]): object {
  const plan = { name: 'all', price: '0', priceCurrency: 'EUR', billingDuration: 'month' }
  const streams = topics.map((topic, run) => [streamOf(run), channelOf(topic)] as const)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Chaos',
      version: '1.0.0',
      'x-data-product': {
        id: PRODUCT,
        owner: { team: 'chaos' },
        visibility: 'public',
        access: 'open',
        lifecycle: 'released',
        defaultPlan: plan.name,
        plans: [plan],
      },
    },
    defaultContentType: 'application/json',
    servers: { main: { host: 'kafka:9092', protocol: 'kafka', 'x-cluster': 'main' } },
    channels: Object.fromEntries(streams),
    operations: Object.fromEntries(
      streams.map(([id]) => [id, { action: 'send', channel: { $ref: `#/channels/${id}` } }]),
    ),
    components: { schemas: { Entry: ENTRY } },
  }
}

const ENTRY = {
  type: 'object',
  required: ['uid', 'pad'],
  properties: { uid: { type: 'integer', minimum: 0 }, pad: { type: 'string' } },
}

function channelOf(topic: string): object {
  return {
    address: topic,
    messages: { entry: { name: 'entry', payload: { $ref: '#/components/schemas/Entry' } } },
    bindings: { kafka: { topic } },
    'x-data-product': { expose: 'read', showKey: false, filterable: ['uid'], invalid: 'frame' },
  }
}
