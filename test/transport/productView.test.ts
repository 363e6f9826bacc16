import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseYaml } from '../../gateway/drivers/yaml.ts'
import { Bench } from '../integration/support/bench.ts'
import { pricePlan, product, stream } from '../integration/support/product.ts'

const PRODUCTS = [
  product({ plans: [pricePlan(), pricePlan({ name: 'pro', price: '49.00' })], streams: [stream()] }),
  product({ id: 'hidden', visibility: 'private', streams: [stream({ topic: 'h.v1' })] }),
  product({ id: 'draft', lifecycle: 'draft', streams: [stream({ topic: 'd.v1' })] }),
]
const CONSUMERS = [
  {
    id: 'acme',
    name: 'Acme',
    agreements: [
      { product: 'quakes', plan: 'pro' },
      { product: 'hidden', plan: 'free' },
    ],
  },
  { id: 'late', name: 'Late', agreements: [{ product: 'quakes', plan: 'gone' }] },
]
const JSON_VIEW = '/products/quakes/asyncapi.json'
const YAML_VIEW = '/products/quakes/asyncapi.yaml'

interface View {
  readonly info: { readonly 'x-weir-product': { readonly plan?: string; readonly plans: readonly { name: string }[] } }
  readonly servers: { readonly [name: string]: { readonly host: string; readonly pathname?: string } }
}

describe('the public view over HTTP', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.start({ products: PRODUCTS, consumers: CONSUMERS, corsOrigins: ['https://app.example.com'] })
  })
  after(() => bench.close())

  const ask = (path: string, headers: { [name: string]: string } = {}, method = 'GET'): Promise<Response> =>
    fetch(bench.url + path, { method, headers })
  const bearer = (consumer: string): { Authorization: string } => ({
    Authorization: `Bearer ${bench.token({ consumer })}`,
  })
  const plansFor = async (headers: { [name: string]: string }): Promise<readonly unknown[]> => {
    const { info } = (await (await ask(JSON_VIEW, headers)).json()) as View
    const { plan = null, plans } = info['x-weir-product']
    return [plan, plans.map(({ name }) => name)]
  }

  it('the address decides what comes, whatever is accepted: JSON, or the same as YAML', async () => {
    const json = await ask(JSON_VIEW, { Accept: 'text/html, application/yaml' })
    const yaml = await ask(YAML_VIEW, { Accept: 'application/json' })
    assert.deepEqual([json.status, json.headers.get('content-type')], [200, 'application/json; charset=utf-8'])
    assert.deepEqual([yaml.status, yaml.headers.get('content-type')], [200, 'application/yaml; charset=utf-8'])
    const view = (await json.json()) as View
    assert.deepEqual(parseYaml(await yaml.text()).value, view)
    assert.equal(view.servers['http']?.host, new URL(bench.url).host)
  })

  it('the catalogue leads to it, also behind a proxy that takes a path off', async () => {
    const proxied = await Bench.start({ products: PRODUCTS, publicUrl: 'https://streams.example.com/weir' })
    try {
      const { products } = (await (await fetch(`${proxied.url}/products`)).json()) as {
        products: { asyncapi: string }[]
      }
      assert.deepEqual(
        products.map(({ asyncapi }) => asyncapi),
        ['/weir/products/quakes/asyncapi.json'],
      )
      const { servers } = (await (await fetch(proxied.url + JSON_VIEW)).json()) as View
      for (const { host, pathname } of Object.values(servers))
        assert.deepEqual([host, pathname], ['streams.example.com', '/weir'])
    } finally {
      await proxied.close()
    }
    const one = (await (await ask('/products/quakes')).json()) as { asyncapi: string }
    assert.equal((await ask(one.asyncapi)).status, 200)
  })

  it('an unchanged view is 304, and each form and each plan has its own tag', async () => {
    const headers = [{}, bearer('acme')]
    const tags = new Set<string>()
    for (const path of [JSON_VIEW, YAML_VIEW])
      for (const who of headers) {
        const first = await ask(path, { ...who, 'Accept-Encoding': 'identity' })
        const tag = first.headers.get('etag') ?? ''
        assert.match(tag, /^"[\w-]{22}"$/)
        assert.equal(first.headers.get('cache-control'), 'no-cache')
        assert.match(first.headers.get('vary') ?? '', /Authorization/)
        tags.add(tag)
        const again = await ask(path, { ...who, 'If-None-Match': tag })
        assert.deepEqual([again.status, await again.text()], [304, ''])
      }
    assert.equal(tags.size, 4)
  })

  it('who has an agreement sees its plan alone; who has none, or one that is not offered any more, sees what is offered', async () => {
    assert.deepEqual(await plansFor(bearer('acme')), ['pro', ['pro']])
    for (const who of [{}, bearer('somebody'), bearer('late')])
      assert.deepEqual(await plansFor(who), [null, ['free', 'pro']])
  })

  it('what the catalogue hides is 404 here too, in the words for what does not exist; a bad token is 401', async () => {
    const details = new Set<string>()
    for (const id of ['hidden', 'draft', 'none'])
      for (const form of ['json', 'yaml']) {
        const answer = await ask(`/products/${id}/asyncapi.${form}`)
        const { code, detail } = (await answer.json()) as { code: string; detail: string }
        assert.deepEqual([answer.status, code], [404, 'no-such-stream'])
        details.add(detail)
      }
    assert.equal(details.size, 1)
    assert.equal((await ask('/products/hidden/asyncapi.json', bearer('acme'))).status, 200)
    assert.equal((await ask(JSON_VIEW, { Authorization: 'Bearer x' })).status, 401)
    assert.equal((await ask('/products/quakes/asyncapi.xml')).status, 404)
  })

  it('HEAD, other methods, other origins and compression are as everywhere', async () => {
    const whole = await ask(JSON_VIEW, { 'Accept-Encoding': 'identity', Origin: 'https://app.example.com' })
    const text = await whole.text()
    assert.equal(whole.headers.get('access-control-allow-origin'), 'https://app.example.com')
    const head = await ask(JSON_VIEW, { 'Accept-Encoding': 'identity' }, 'HEAD')
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(Buffer.byteLength(text))])
    const posted = await ask(JSON_VIEW, {}, 'POST')
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD'])
    const zipped = await ask(JSON_VIEW, { 'Accept-Encoding': 'gzip' })
    assert.equal(zipped.headers.get('content-encoding'), 'gzip')
    assert.equal(await zipped.text(), text)
  })

  it('a product that is published anew has another view at once', async () => {
    const before = (await ask(JSON_VIEW)).headers.get('etag') ?? ''
    const [quakes, ...others] = PRODUCTS
    await bench.republish([{ ...(quakes ?? product()), version: '2.0.0' }, ...others])
    const after = await ask(JSON_VIEW, { 'If-None-Match': before })
    assert.equal(after.status, 200)
    assert.match(await after.text(), /"version": "2\.0\.0"/)
    assert.deepEqual(bench.faults, [])
  })
})
