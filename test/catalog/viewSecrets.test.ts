import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Product } from '../../gateway/catalog/plan.ts'
import { renderedView } from '../../gateway/catalog/view/rendered.ts'
import { codesOf, documentWith, read, textOf } from './support.ts'
import { SECRETS, TEMPTING, TEMPTING_OVERLAY } from './temptingDocument.ts'
import { dataOf, URL_OF_OURS, viewOf, type Schema } from './viewSupport.ts'

/** Of a document that holds the whole knowledge of its team. */
describe('what a public view keeps to itself', () => {
  const { product, findings } = read(textOf(JSON.stringify(TEMPTING), JSON.stringify(TEMPTING_OVERLAY)))
  const tempting = product as Product

  it('the document is good, and each secret stands in it', () => {
    assert.deepEqual(codesOf(findings), [])
    const source = JSON.stringify([TEMPTING, TEMPTING_OVERLAY])
    assert.deepEqual(
      SECRETS.filter((secret) => !source.includes(secret)),
      [],
    )
  })

  for (const plan of [null, 'free'])
    it(`not a word leaves that was not meant to, to ${plan === null ? 'anybody' : 'who has an agreement'}`, () => {
      const [json, yaml] = (['json', 'yaml'] as const).map((format) =>
        renderedView(tempting, { url: URL_OF_OURS, plan }, format),
      )
      const found = [...stringsIn(JSON.parse(json ?? '')), yaml ?? '']
      assert.ok(found.length > 500)
      assert.deepEqual(
        SECRETS.filter((secret) => found.some((text) => text.includes(secret))),
        [],
      )
    })

  it('what was meant to leave is there: words of product, stream, message, fields and shown headers', () => {
    const view = viewOf(tempting)
    assert.deepEqual(view.info['contact'], { name: 'Partner desk', email: 'desk@example.org' })
    const { messages, schemas } = view.components
    assert.equal(messages['placed.record']?.description, '**An order**: Somebody bought something.')
    assert.deepEqual(dataOf(view, 'placed.record'), {
      shop: 'north',
      buyer: { name: 'A' },
      items: [{ id: 1, ship: { to: 'B' } }],
    })
    assert.deepEqual(schemas['placed.payload']?.['examples'], [{ shop: 'south' }])
    assert.deepEqual(schemas['placed.payload.Buyer']?.['default'], { name: 'nobody' })
    const [, own] = (schemas['placed.Record']?.['allOf'] ?? []) as Schema[]
    const { headers, key } = own?.properties ?? {}
    assert.deepEqual(headers?.properties, {
      source: { type: 'string', description: 'Which system took the order.' },
    })
    assert.equal(key, false)
  })

  it('without a contact for partners it names the owner', () => {
    assert.deepEqual(viewOf({ ...tempting, contact: null }).info['contact'], {
      name: 'zz-owner-team',
      email: 'zz-owner-email@example.org',
    })
    const empty = documentWith().replace('version: 1.0.0', 'version: 1.0.0\n  contact: {}')
    assert.deepEqual(viewOf(read(textOf(empty)).product as Product).info['contact'], { name: 't' })
  })
})

/** Every text in it, keys too. */
function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => [key, ...stringsIn(member)])
}
