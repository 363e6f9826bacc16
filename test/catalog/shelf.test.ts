import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { CatalogOptions } from '../../gateway/catalog/catalog.ts'
import { planOf } from '../../gateway/catalog/compile.ts'
import type { DocumentText } from '../../gateway/catalog/document.ts'
import { Shelf } from '../../gateway/catalog/shelf.ts'
import { codesOf, documentWith, read, scratchFolder } from './support.ts'

const doc = (id: string, title = 'E'): string => documentWith({ product: `id: ${id}`, channel: `title: ${title}` })

class World {
  readonly folder: string
  readonly shelf: Shelf
  compiled = 0

  constructor(folder: string, more: Partial<CatalogOptions>) {
    this.folder = folder
    const options = { specs: [folder], clusters: [], documentBytesMax: 1024 * 1024, ...more }
    this.shelf = new Shelf(options, { compile: (document) => Promise.resolve(this.#compile(document)) })
  }

  static async open(
    t: TestContext,
    files: { readonly [name: string]: string },
    more: Partial<CatalogOptions> = {},
  ): Promise<World> {
    const folder = join(await scratchFolder(t), 'specs')
    await mkdir(folder)
    const world = new World(folder, more)
    for (const [name, text] of Object.entries(files)) await world.write(name, text)
    await world.shelf.open()
    return world
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(this.path(name), text)
  }

  /** Looks until nothing is under way. */
  async settle(): Promise<void> {
    for (let looks = 0; looks < 10; looks++) if ((await this.shelf.look()) === 'same') return
    assert.fail('it never settles')
  }

  get served(): readonly string[] {
    return this.shelf.catalog.products.map(({ id, streams }) => `${id} ${streams.map(({ title }) => title).join()}`)
  }

  get codes(): readonly string[] {
    return this.shelf.catalog.findings.map(({ code }) => code)
  }

  #compile(document: DocumentText): ReturnType<typeof planOf> {
    this.compiled++
    const { product, findings } = read(document)
    return planOf(document, product, findings)
  }
}

describe('shelf', () => {
  it('a document that changes, comes or goes is taken up once it has been the same in two looks', async (t) => {
    const world = await World.open(t, { 'a.yaml': doc('a'), 'b.yaml': doc('b') })
    assert.equal(await world.shelf.look(), 'same')
    await world.write('a.yaml', doc('a', 'New'))
    await world.write('c.yaml', doc('c'))
    await rm(world.path('b.yaml'))
    assert.equal(await world.shelf.look(), 'settling')
    assert.deepEqual(world.served, ['a E', 'b E'])
    assert.equal(await world.shelf.look(), 'changed')
    assert.deepEqual(world.served, ['a New', 'c E'])
    assert.equal(await world.shelf.look(), 'same')
    // Of three documents at the start and in all, no other was compiled again.
    assert.equal(world.compiled, 4)
  })

  it('a file that is half written, or away for a moment, changes nothing', async (t) => {
    const world = await World.open(t, { 'a.yaml': doc('a') })
    await rename(world.path('a.yaml'), world.path('a.yaml~'))
    assert.equal(await world.shelf.look(), 'settling')
    await world.write('a.yaml', doc('a', 'New').slice(0, 200))
    assert.equal(await world.shelf.look(), 'settling')
    await world.write('a.yaml', doc('a', 'New'))
    assert.equal(await world.shelf.look(), 'settling')
    assert.deepEqual([world.served, world.codes], [['a E'], []])
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a New'], []])
  })

  const BROKEN: readonly (readonly [what: string, text: string, code: string])[] = [
    ['is no YAML any more', 'asyncapi: [', 'unreadable'],
    ['has an error', documentWith({ product: 'id: a\n    visibility: publc' }), 'wrong-value'],
    ['takes the id of another product', doc('b'), 'product-twice'],
    ['names a cluster that is not there', doc('a').replace('kafka }', 'kafka, x-cluster: gone }'), 'no-cluster'],
  ]
  for (const [what, text, code] of BROKEN) {
    it(`a document that ${what} is told, and what was good before is served on`, async (t) => {
      const clusters = [{ name: 'main', brokers: ['kafka:9092'] }]
      const world = await World.open(t, { 'a.yaml': doc('a'), 'b.yaml': doc('b') }, { clusters })
      const before = world.shelf.catalog.stream('a', 'events')?.stream
      await world.write('a.yaml', text)
      await world.settle()
      assert.deepEqual(
        [world.served, world.codes],
        [
          ['a E', 'b E'],
          [code, 'last-good-served'],
        ],
      )
      assert.equal(world.shelf.catalog.stream('a', 'events')?.stream, before)
      assert.deepEqual(world.shelf.refused, [world.path('a.yaml')])
      await world.write('a.yaml', doc('a', 'Mended'))
      await world.settle()
      assert.deepEqual([world.served, world.codes, world.shelf.refused], [['a Mended', 'b E'], [], []])
    })
  }

  it('a document that exposes nothing any more, and says so well, takes its product away', async (t) => {
    const world = await World.open(t, { 'a.yaml': doc('a') })
    await world.write('a.yaml', 'asyncapi: 3.0.0\ninfo: { title: T, version: 1.0.0 }\n')
    await world.settle()
    assert.deepEqual([world.served, world.codes, world.shelf.refused], [[], ['no-product'], []])
  })

  it('a folder that goes away takes nothing with it, and is told; when it is back, all is well', async (t) => {
    const world = await World.open(t, { 'a.yaml': doc('a') })
    await rename(world.folder, `${world.folder}-away`)
    await world.settle()
    assert.deepEqual(world.served, ['a E'])
    assert.deepEqual(world.codes, ['file-unreadable', 'last-good-served'])
    await rename(`${world.folder}-away`, world.folder)
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a E'], []])
  })

  it('a document under another name is the same product, and who serves an id keeps it', async (t) => {
    const world = await World.open(t, { 'm.yaml': doc('a', 'First') })
    await world.write('a.yaml', doc('a', 'Second'))
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a First'], ['product-twice']])
    await rm(world.path('m.yaml'))
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a Second'], []])
    await rename(world.path('a.yaml'), world.path('z.yaml'))
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a Second'], []])
  })

  it('a mount that swaps the folder behind its links, as Kubernetes does, is a change like any other', async (t) => {
    const world = await World.open(t, {})
    for (const [version, title] of [
      ['..1', 'One'],
      ['..2', 'Two'],
    ] as const) {
      await mkdir(world.path(version))
      await world.write(`${version}/a.yaml`, doc('a', title))
    }
    await symlink('..1', world.path('..data'))
    await symlink('..data/a.yaml', world.path('a.yaml'))
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a One'], []])
    await symlink('..2', world.path('..new'))
    await rename(world.path('..new'), world.path('..data'))
    await world.settle()
    assert.deepEqual([world.served, world.codes], [['a Two'], []])
  })

  it('an overlay that comes, changes or goes changes its document', async (t) => {
    const world = await World.open(t, { 'a.yaml': doc('a') })
    const title = (): string | undefined => world.shelf.catalog.product('a')?.title
    await world.write('a.product.yaml', 'info: { title: One }')
    await world.settle()
    assert.equal(title(), 'One')
    await world.write('a.product.yaml', 'info: { title: Other }')
    await world.settle()
    assert.equal(title(), 'Other')
    await rm(world.path('a.product.yaml'))
    await world.settle()
    assert.deepEqual([title(), codesOf(world.shelf.catalog.findings)], ['T', []])
  })
})
