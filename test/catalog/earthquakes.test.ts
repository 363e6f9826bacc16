import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadCatalog } from '../../gateway/catalog/catalog.ts'
import type { CatalogStream } from '../../gateway/catalog/catalog.ts'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { recordedDataOf } from '../../gateway/catalog/files.ts'
import { instantMs, systemClock } from '../../gateway/clock.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { packageRoot } from '../../gateway/package.ts'
import { earthquakesFile, makeEarthquakes } from '../../scripts/make-earthquakes.ts'
import { codesOf } from './support.ts'

interface Recorded {
  readonly key: string
  readonly time: string
  readonly value: { readonly [field: string]: unknown }
}

const recorded = readFileSync(earthquakesFile, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)

describe('earthquakes', () => {
  const compiler = new Compiler(systemClock)
  after(() => compiler.close())

  it('the document is served without an error or a warning, and its records stand beside it', async () => {
    const { product, stream, file } = await earthquakes(compiler)
    assert.deepEqual(
      [product.access, product.defaultPlan, product.lifecycle, product.visibility],
      ['open', 'free', 'released', 'public'],
    )
    assert.deepEqual(
      product.plans.map(({ name, onLimit }) => [name, onLimit]),
      [
        ['free', 'pause'],
        ['pro', 'overage'],
      ],
    )
    assert.deepEqual(
      [stream.topic, stream.partitions, stream.showKey, stream.message],
      ['quakes.events.v1', 4, true, 'quake'],
    )
    assert.equal(await recordedDataOf(file, stream.id), earthquakesFile)
  })

  it('each of the 1,707 records keeps the schema, and the schema is no empty promise', async () => {
    const { stream } = await earthquakes(compiler)
    const validate = compileSchema(stream.schema as object, { strict: false })
    assert.equal(recorded.length, 1707)
    for (const { value } of recorded) assert.equal(validate(value), null, JSON.stringify(value))
    const [first] = recorded
    for (const field of Object.keys(first?.value ?? {})) {
      const { [field]: _, ...rest } = first?.value ?? {}
      assert.notEqual(validate(rest), null, `${field} is required`)
      assert.notEqual(validate({ ...rest, [field]: { wrong: true } }), null, `${field} has a type`)
    }
    assert.notEqual(validate({ ...first?.value, more: 1 }), null)
  })

  it('every field is described', async () => {
    const { stream } = await earthquakes(compiler)
    const { properties, definitions } = stream.schema as { properties: object; definitions: object }
    for (const [name, schema] of Object.entries(properties)) {
      const ref = (schema as { $ref?: string }).$ref
      const place = ref ? (definitions as { [name: string]: object })[ref.split('/').at(-1) ?? ''] : (schema as object)
      assert.ok(typeof (place as { description?: unknown }).description === 'string', name)
    }
  })

  it('records stand in the order of their time, one an event, the key being its id', () => {
    const times = recorded.map(({ time }) => instantMs(time) ?? Number.NaN)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.equal(new Set(recorded.map(({ key }) => key)).size, recorded.length)
    for (const { key, time, value } of recorded) assert.deepEqual([key, time], [value['id'], value['time']])
  })

  it("the file is what the generator makes, and the document's example is one of its records", () => {
    assert.equal(readFileSync(earthquakesFile, 'utf8'), makeEarthquakes())
    const text = readFileSync(join(packageRoot, 'specs', 'earthquakes', 'earthquakes.yaml'), 'utf8')
    const strongest = recorded.reduce((a, b) =>
      Number(a.value['magnitude']) >= Number(b.value['magnitude']) ? a : b,
    ).value
    for (const field of ['id', 'time', 'updated', 'detailUrl', 'place'])
      assert.ok(text.includes(String(strongest[field])), field)
  })
})

async function earthquakes(compiler: Compiler): Promise<CatalogStream> {
  const specs = [join(packageRoot, 'specs', 'earthquakes')]
  const catalog = await loadCatalog({ specs, clusters: [], documentBytesMax: 1024 * 1024 }, compiler)
  assert.deepEqual([codesOf(catalog.findings), codesOf(catalog.findings, 'warning')], [[], []])
  const found = catalog.stream('earthquakes', 'events')
  assert.ok(found)
  return found
}
