import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALL, HOSTILE } from '../../portal/hostile.ts'
import { scratchFolder } from '../../services/scratch.ts'

/** A document that is valid and says hostile things wherever it has words. */
export function hostileSpecs(topic: string): string {
  const folder = join(scratchFolder('hostile'), 'specs')
  mkdirSync(folder, { recursive: true })
  const words = ALL.replaceAll(/(?!\n)\p{Cc}/gu, '')
  const properties = Object.fromEntries(
    ['text', ...HOSTILE.slice(0, 7)].map((name) => [
      name,
      { type: 'string', description: words, examples: HOSTILE.slice(0, 7) },
    ]),
  )
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: words,
      version: HOSTILE[0],
      description: words,
      license: { name: HOSTILE[1], url: 'javascript:globalThis.pwned=1' },
      'x-data-product': {
        id: 'evil',
        owner: { team: HOSTILE[2], email: 'a@example.org' },
        domain: 'geo',
        visibility: 'public',
        access: 'open',
        lifecycle: 'released',
        sla: [{ property: HOSTILE[0], value: HOSTILE[1], unit: HOSTILE[2] }],
        defaultPlan: 'free',
        plans: [{ name: 'free', price: '0', priceCurrency: 'EUR', billingDuration: 'month' }],
      },
    },
    servers: { main: { host: 'kafka:9092', protocol: 'kafka' } },
    channels: {
      events: {
        address: topic,
        title: HOSTILE[1],
        description: words,
        'x-data-product': { expose: 'read', showKey: true, filterable: ['text'], invalid: 'frame' },
        messages: {
          m: {
            name: HOSTILE[0],
            payload: { type: 'object', description: words, properties },
            examples: [{ name: HOSTILE[0], summary: words, payload: { text: words, [HOSTILE[1] as string]: words } }],
          },
        },
      },
    },
  }
  writeFileSync(join(folder, 'evil.json'), JSON.stringify(document))
  return folder
}
