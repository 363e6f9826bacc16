import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { servable } from '../../gateway/catalog/findings.ts'
import type { Plan } from '../../gateway/catalog/plan.ts'
import { systemClock } from '../../gateway/clock.ts'
import { HOSTILE } from './hostileDocuments.ts'
import { codesOf, corpus, documentWith, scratchFolder, textOf, cpuMs } from './support.ts'

describe('hostile documents', () => {
  const compiler = new Compiler(systemClock)
  before(() => compiler.compile(textOf(documentWith())))
  after(() => compiler.close())

  for (const [what, text, code] of HOSTILE) {
    it(`${what}: refused in words within 2 s, and the next document is served`, async () => {
      const document = textOf(text())
      const start = cpuMs()
      const plan = await compiler.compile(document)
      assert.ok(cpuMs() - start < 2000)
      assert.ok(codesOf(plan.findings).includes(code), JSON.stringify(plan.findings))
      assert.ok(!servable(plan))
      assert.ok(servable(await compiler.compile(textOf(documentWith()))))
    })
  }

  for (const [what, text, code] of HOSTILE) {
    it(`${what} in an overlay: refused in words within 2 s`, async () => {
      const document = textOf(documentWith(), text())
      const start = cpuMs()
      const plan = await compiler.compile(document)
      assert.ok(cpuMs() - start < 2000)
      assert.ok(codesOf(plan.findings).includes(code), JSON.stringify(plan.findings))
      assert.ok(!servable(plan))
    })
  }

  it('a pattern that other engines hang on is served, and neither it nor its example costs time', async () => {
    const example = `examples: [{ payload: "${'a'.repeat(40)}!" }]`
    const start = cpuMs()
    const plan = await compiler.compile(
      textOf(documentWith({ message: example, payload: "{ type: string, pattern: '^(a+)+$' }" })),
    )
    assert.ok(cpuMs() - start < 2000)
    assert.deepEqual(codesOf(plan.findings, 'warning'), ['example-invalid'])
    const old = `asyncapi: 2.6.0\ninfo: { title: T, version: '1' }\nchannels: { a: { publish: { message: { payload: { type: string, pattern: '^(a+)+$', default: '${'a'.repeat(40)}!' } } } } }`
    assert.deepEqual(codesOf((await compiler.compile(textOf(old))).findings), [])
  })

  it('references that circle are kept as references', async () => {
    const more = `components:\n  schemas:\n    A: { properties: { b: { $ref: '#/components/schemas/B' } } }\n    B: { properties: { a: { $ref: '#/components/schemas/A' } } }`
    const plan = await compiler.compile(textOf(documentWith({ payload: "{ $ref: '#/components/schemas/A' }", more })))
    assert.deepEqual(codesOf(plan.findings), [])
    assert.ok(JSON.stringify({ ...plan.product, view: null }).length < 5_000)
    assert.ok((plan.product?.view?.json.length ?? 0) < 80_000)
  })

  it('keys that objects inherit harm neither the document nor the overlay', async () => {
    const overlay = 'constructor: { prototype: { polluted: true } }\ninfo: { x-data-product: { constructor: 1 } }'
    const plan = await compiler.compile(textOf(documentWith(), overlay))
    assert.ok(!servable(plan))
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
    assert.ok(servable(await compiler.compile(textOf(documentWith()))))
  })

  it('nothing is fetched and no file is read, whatever is referred to', async (t) => {
    let requests = 0
    const server = createServer((_, response) => {
      requests++
      response.end('{"type":"string"}')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    t.after(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/schema.json`
    const file = join(await scratchFolder(t), 'secret.json')
    await writeFile(file, '{"description":"secret"}')
    const places = [
      documentWith({ payload: `{ $ref: "${url}" }` }),
      documentWith({ payload: `{ $ref: "${file}" }` }),
      documentWith({ payload: `{ $ref: "file://${file}" }` }),
      documentWith({ payload: `{ $schema: "${url}", $id: "${url}", type: string }` }),
      documentWith({ payload: `{ schemaFormat: "${url}", schema: { type: string } }` }),
      documentWith({ more: `components: { messages: { x: { payload: { $ref: "${url}#/a" } } } }` }),
    ]
    const plans: Plan[] = []
    for (const text of places) plans.push(await compiler.compile(textOf(text)))
    assert.equal(requests, 0)
    assert.doesNotMatch(JSON.stringify(plans), /secret"/)
    assert.deepEqual(
      plans.map((plan) => codesOf(plan.findings).includes('ref-external')),
      [true, true, true, false, false, true],
    )
  })

  it('a document that overruns the deadline is given up, and the next one is compiled', async (t) => {
    const hasty = new Compiler(systemClock, { compileMsMax: 1 })
    t.after(() => hasty.close())
    const plan = await hasty.compile(corpus('13-eventcatalog-orderservice.yml'))
    assert.deepEqual(codesOf(plan.findings), ['compile-timeout'])
    assert.match(plan.findings[0]?.message ?? '', /1 ms/)
  })
})
