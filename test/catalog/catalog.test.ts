import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { loadCatalog } from '../../gateway/catalog/catalog.ts'
import type { Catalog, CatalogOptions } from '../../gateway/catalog/catalog.ts'
import { planOf } from '../../gateway/catalog/compile.ts'
import { recordedDataOf } from '../../gateway/catalog/files.ts'
import { codesOf, documentWith, read, scratchFolder } from './support.ts'

const doc = (id: string): string => documentWith({ product: `id: ${id}` })

describe('catalog', () => {
  it('documents of all folders become products, found by id, with their streams', async (t) => {
    const catalog = await load(t, {
      'a.yaml': doc('a'),
      'deep/er/b.yml': doc('b'),
      'c.json': JSON.stringify({ asyncapi: '3.0.0', info: {} }),
    })
    assert.deepEqual(
      catalog.products.map(({ id }) => id),
      ['a', 'b'],
    )
    assert.equal(catalog.plans.length, 3)
    assert.equal(catalog.product('a')?.title, 'T')
    const found = catalog.stream('b', 'events')
    assert.deepEqual([found?.product.id, found?.stream.topic, found?.cluster], ['b', 'topic.v1', null])
    assert.match(found?.file ?? '', /deep\/er\/b\.yml$/)
    assert.deepEqual(
      [catalog.product('x'), catalog.stream('a', 'x'), catalog.stream('x', 'events')],
      [null, null, null],
    )
  })

  it('an unknown id is answered by the one that was probably meant', async (t) => {
    const catalog = await load(t, { 'a.yaml': doc('earthquakes') })
    assert.equal(catalog.nearest('earthquaks'), 'earthquakes')
    assert.equal(catalog.nearest('event', 'earthquakes'), 'events')
    assert.equal(catalog.nearest('event', 'unknown'), null)
  })

  it('overlays belong to their document, other files to nobody', async (t) => {
    const catalog = await load(t, {
      'a.yaml': doc('a'),
      'a.product.yaml': 'info: { title: Overlaid }',
      '.hidden.yaml': doc('hidden'),
      '.git/x.yaml': doc('git'),
      'values.yaml': 'a: 1',
      'nested.yaml': 'x:\n  asyncapi: 1',
      'data.json': `{"x": {"asyncapi": "3.0.0"}, "y": 1}`,
      'notes.md': 'asyncapi: 3.0.0',
    })
    assert.deepEqual(
      catalog.products.map(({ id, title }) => [id, title]),
      [['a', 'Overlaid']],
    )
    assert.deepEqual(catalog.findings, [])
  })

  it('links out of the folder are not followed, links in circles end', async (t) => {
    const outside = await scratchFolder(t)
    await writeFile(join(outside, 'secret.yaml'), doc('secret'))
    const folder = await files(t, { 'a.yaml': doc('a') })
    await symlink(outside, join(folder, 'out'))
    await symlink(join(outside, 'secret.yaml'), join(folder, 'secret.yaml'))
    await symlink(folder, join(folder, 'circle'))
    await symlink(join(folder, 'a.yaml'), join(folder, 'again.yaml'))
    const catalog = await loadFrom({ specs: [folder] })
    assert.deepEqual(
      catalog.products.map(({ id }) => id),
      ['a'],
    )
    assert.deepEqual(codesOf(catalog.findings, 'warning'), ['link-leaves-folder', 'link-leaves-folder'])
    // The folder itself is named: nothing in it was looked at.
    assert.deepEqual(
      catalog.findings.map(({ file }) => file),
      [join(folder, 'out'), join(folder, 'secret.yaml')],
    )
  })

  it('two products of one id: the second is refused and both files are named', async (t) => {
    const catalog = await load(t, { 'one.yaml': doc('a'), 'two.yaml': `${doc('a')} ` })
    assert.match(catalog.stream('a', 'events')?.file ?? '', /one\.yaml$/)
    const [finding] = catalog.findings
    assert.equal(finding?.code, 'product-twice')
    assert.match(finding?.message ?? '', /one\.yaml.*two\.yaml/)
    assert.equal(catalog.products.length, 1)
  })

  it('a bad document keeps only itself out', async (t) => {
    const bad = {
      'bad.yaml': 'asyncapi: [',
      'mask.yaml': documentWith({ product: 'id: m', stream: '{ expose: read, masks: [{ path: a, as: drop }] }' }),
    }
    const catalog = await load(t, {
      ...bad,
      'latin.yaml': Buffer.from('asyncapi: 3.0.0 # \xe9', 'latin1'),
      'good.yaml': doc('good'),
    })
    assert.deepEqual(
      catalog.products.map(({ id }) => id),
      ['good'],
    )
    assert.deepEqual(codesOf(catalog.findings), ['file-unreadable', 'unreadable', 'not-served-yet'])
  })

  it('a stream without a cluster keeps its product out', async (t) => {
    const text = doc('a').replace('protocol: kafka', 'protocol: kafka, x-cluster: gone')
    const catalog = await load(
      t,
      { 'a.yaml': text, 'b.yaml': doc('b') },
      { clusters: [{ name: 'main', brokers: ['kafka:9092'] }] },
    )
    assert.deepEqual(
      catalog.products.map(({ id }) => id),
      ['b'],
    )
    assert.equal(catalog.stream('b', 'events')?.cluster, 'main')
    assert.deepEqual(codesOf(catalog.findings), ['no-cluster'])
  })

  it('what is named must be there and be a document', async (t) => {
    const folder = await files(t, { 'values.yaml': 'a: 1' })
    const catalog = await loadFrom({ specs: [join(folder, 'gone'), join(folder, 'values.yaml')] })
    assert.deepEqual(codesOf(catalog.findings), ['file-unreadable', 'not-asyncapi'])
  })

  it('too many files and too large files are told, not read', async (t) => {
    const three = Object.fromEntries(['a', 'b', 'c'].map((id) => [`${id}.yaml`, doc(id)]))
    const few = await load(t, three, { files: { filesMax: 2 } })
    assert.deepEqual([few.products.length, codesOf(few.findings)], [2, ['too-many-files']])
    const big = await load(t, { 'a.yaml': doc('a') + ' '.repeat(5_000) }, { documentBytesMax: 4_096 })
    assert.deepEqual([big.products.length, codesOf(big.findings)], [0, ['document-too-big']])
  })

  it('recorded data stands beside its document', async (t) => {
    const folder = await files(t, { 'a.yaml': doc('a'), 'a.events.ndjson': '' })
    assert.equal(await recordedDataOf(join(folder, 'a.yaml'), 'events'), join(folder, 'a.events.ndjson'))
    assert.equal(await recordedDataOf(join(folder, 'a.yaml'), 'other'), null)
    const camel = await files(t, { 'a.yaml': doc('a'), 'a.orderEvents.ndjson': '', 'b.orderevents.ndjson': '' })
    assert.equal(await recordedDataOf(join(camel, 'a.yaml'), 'orderevents'), join(camel, 'a.orderEvents.ndjson'))
  })
})

async function files(t: TestContext, contents: { readonly [path: string]: string | Buffer }): Promise<string> {
  const folder = await scratchFolder(t)
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

async function load(
  t: TestContext,
  contents: { readonly [path: string]: string | Buffer },
  options: Partial<CatalogOptions> = {},
): Promise<Catalog> {
  return loadFrom({ specs: [await files(t, contents)], ...options })
}

function loadFrom(options: Partial<CatalogOptions>): Promise<Catalog> {
  const compile = {
    compile: (document: Parameters<typeof read>[0]) => {
      const { product, findings } = read(document)
      return Promise.resolve(planOf(document, product, findings))
    },
  }
  return loadCatalog({ specs: [], clusters: [], documentBytesMax: 1024 * 1024, ...options }, compile)
}
