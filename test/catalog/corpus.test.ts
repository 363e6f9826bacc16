import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { servable } from '../../gateway/catalog/findings.ts'
import { systemClock } from '../../gateway/clock.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { packageRoot } from '../../gateway/package.ts'
import { codesOf, corpus, cpuMs } from './support.ts'

const DOCUMENTS = readdirSync(join(packageRoot, 'test', 'corpus', 'asyncapi')).filter((name) => /\.ya?ml$/.test(name))

const STREAMS: readonly (readonly [file: string, product: string, stream: string, topic: string])[] = [
  ['01-streetlights-kafka.v31.yml', 'streetlights', 'lightingmeasured', 'streetlights.measured'],
  ['02-streetlights-kafka.v26.yml', 'streetlights-26', 'receivelightmeasurement', 'streetlights.measured'],
  ['10-streetlights-operation-security.v31.yml', 'streetlights-secure', 'lightturnon', 'streetlights.commands.on'],
  ['13-eventcatalog-orderservice.yml', 'orders', 'orderevents', 'ordering.orders'],
]

describe('corpus', () => {
  const compiler = new Compiler(systemClock)
  // The parser's import is paid once; the bound below is that of a document.
  before(() => compiler.compile(corpus('14-microcks-usersignedup-ws.yml')))
  after(() => compiler.close())

  it('there are ten documents', () => assert.equal(DOCUMENTS.length, 10))

  for (const file of DOCUMENTS) {
    it(`${file} is read within 2 s and exposes nothing by itself`, async () => {
      const start = cpuMs()
      const plan = await compiler.compile(corpus(file))
      assert.ok(cpuMs() - start < 2000)
      assert.equal(plan.product, null)
      assert.deepEqual(codesOf(plan.findings), [])
      assert.deepEqual(codesOf(plan.findings, 'info'), ['no-product'])
    })
  }

  for (const [file, product, stream, topic] of STREAMS) {
    it(`${file} with an overlay exposes a stream`, async () => {
      const plan = await compiler.compile(corpus(file, true))
      assert.deepEqual(codesOf(plan.findings), [])
      assert.ok(servable(plan))
      assert.equal(plan.product?.id, product)
      const [exposed, ...others] = plan.product?.streams ?? []
      assert.deepEqual([exposed?.id, exposed?.topic, others], [stream, topic, []])
      const validate = compileSchema(exposed?.schema ?? {}, { strict: false })
      assert.notEqual(validate('no object'), null)
    })
  }

  for (const [file, , stream] of STREAMS.slice(0, 3)) {
    it(`${file}: the parameter of its address chooses the topic where no binding names one`, async () => {
      const overlay = readFileSync(join(packageRoot, 'test', 'corpus', 'overlays', overlayOf(file)), 'utf8')
      const unbound = overlay.replace(/^ *bindings: .*\n/m, '')
      assert.notEqual(unbound, overlay)
      const document = { ...corpus(file), overlay: { file: overlayOf(file), text: unbound } }
      const plan = await compiler.compile(document)
      assert.deepEqual([codesOf(plan.findings), codesOf(plan.findings, 'warning')], [[], ['topic-open']])
      const [exposed] = plan.product?.streams ?? []
      assert.equal(exposed?.id, stream)
      assert.match(exposed?.topic ?? '', /^smartylighting\.streetlights\.1\.0\.\w+\.\{streetlightId\}\./)
      assert.deepEqual(
        exposed?.parameters.map(({ name, field, description }) => [name, field, description]),
        [['streetlightId', null, 'The ID of the streetlight.']],
      )
    })
  }
})

function overlayOf(file: string): string {
  return file.replace(/\.ya?ml$/, '.product.yaml')
}
