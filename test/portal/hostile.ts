import type { Product } from '../../gateway/catalog/plan.ts'
import { parameter, pricePlan, product, stream } from '../integration/support/product.ts'

/** What would run, were it ever taken for markup; each sets a mark that a test looks for. */
export const HOSTILE: readonly string[] = [
  '<script>globalThis.pwned = 1</script>',
  '"><img src=x onerror="globalThis.pwned = 1">',
  "' onmouseover='globalThis.pwned = 1' x='",
  '</pre></code><svg onload=globalThis.pwned=1>',
  '</textarea></title></style><iframe srcdoc="<script>top.pwned = 1</script>">',
  '[click](javascript:globalThis.pwned=1) `<b>`',
  '{{constructor.constructor("globalThis.pwned = 1")()}} ${globalThis.pwned = 1}',
  '\u202egnp.exe\u2066\u0000\u001b[31m',
]

export const ALL: string = HOSTILE.join('\n\n')

/** All words of a document say something hostile; what has a form keeps it. */
export function hostileProduct(topic = 'quakes.v1'): Product {
  const schema = {
    type: 'object',
    description: ALL,
    properties: {
      [HOSTILE[0] as string]: { type: ALL, format: ALL, description: ALL, 'x-unit': ALL, enum: HOSTILE, pattern: ALL },
      [HOSTILE[1] as string]: { type: 'string', format: ALL, title: ALL, examples: HOSTILE },
      text: { type: 'string', description: ALL, const: ALL },
    },
  }
  return product({
    title: ALL,
    version: ALL,
    description: ALL,
    license: { name: ALL, url: 'javascript:globalThis.pwned=1' },
    owner: { team: ALL, email: `"><script>globalThis.pwned=1</script>@example.org` },
    contact: { name: ALL, url: 'javascript:globalThis.pwned=1', email: ALL },
    domain: ALL,
    lifecycle: 'deprecated',
    deprecation: { on: ALL, sunset: ALL, successor: ALL },
    sla: [{ property: ALL, value: ALL, unit: ALL }],
    defaultPlan: ALL,
    plans: [pricePlan({ name: ALL, price: ALL, priceCurrency: ALL, billingDuration: ALL })],
    streams: [
      stream({
        topic,
        partitions: 1,
        title: ALL,
        description: ALL,
        scope: null,
        showHeaders: HOSTILE,
        headerWords: HOSTILE.map((name) => [name, ALL] as const),
        message: ALL,
        kinds: [
          {
            name: ALL,
            title: ALL,
            summary: ALL,
            description: ALL,
            examples: [{ name: ALL, summary: ALL, payload: { text: ALL } }],
          },
        ],
        schema,
        filterable: [{ name: 'text', path: ['text'], type: 'string' }],
        parameters: [
          parameter('p', { description: ALL, examples: HOSTILE, values: HOSTILE, default: HOSTILE[1] as string }),
        ],
      }),
    ],
  })
}
