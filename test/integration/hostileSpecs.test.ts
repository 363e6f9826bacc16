import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { HOSTILE } from '../catalog/hostileDocuments.ts'
import { documentWith } from '../catalog/support.ts'
import { scratchFolder } from '../services/scratch.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { until } from './support/until.ts'

const MS_MAX_EACH = 2_000
const GOOD = documentWith({ product: 'id: good\n    visibility: public\n    lifecycle: released' })

describe('hostile documents in the folders of a gateway', () => {
  for (const kind of ['document', 'overlay'] as const)
    it(`at its start each ${kind} is refused in words, none costs two seconds, and the good one is served`, async (t) => {
      const folder = join(scratchFolder('hostile'), 'specs')
      mkdirSync(folder)
      for (const [i, [, text]] of HOSTILE.entries()) {
        const name = join(folder, `one-${i}`)
        writeFileSync(`${name}.yaml`, kind === 'document' ? text() : documentWith({ product: `id: one-${i}` }))
        if (kind === 'overlay') writeFileSync(`${name}.product.yaml`, text())
      }
      writeFileSync(join(folder, 'good.yaml'), GOOD)
      const began = performance.now()
      const gateway = await GatewayProcess.start({ specs: folder })
      t.after(() => gateway.stop('SIGKILL'))
      const ms = performance.now() - began
      assert.ok(ms < MS_MAX_EACH * HOSTILE.length, `${Math.round(ms)} ms`)
      assert.deepEqual(await productsOf(gateway), ['good'])
      for (const [i, [what, , code]] of HOSTILE.entries()) assertTold(gateway, `one-${i}`, code, what)
    })

  it('while it serves, one that comes is refused in words, and nothing that was served suffers', async (t) => {
    const folder = join(scratchFolder('hostile'), 'specs')
    mkdirSync(folder)
    writeFileSync(join(folder, 'good.yaml'), GOOD)
    const gateway = await GatewayProcess.start({ specs: folder })
    t.after(() => gateway.stop('SIGKILL'))
    const refused = (count: number): Promise<unknown> =>
      until(`${count} refused`, async () => (await gateway.metric('weir_documents_refused')) === count || null, 20_000)
    for (const [what, text, code] of HOSTILE) {
      const before = gateway.log().length
      writeFileSync(join(folder, 'good.yaml'), text())
      await refused(1)
      const told = gateway.log().slice(before)
      assert.ok(
        told.some((line) => isAbout(line, 'good', code)),
        what,
      )
      assert.deepEqual(await productsOf(gateway), ['good'])
      writeFileSync(join(folder, 'good.yaml'), GOOD)
      await refused(0)
    }
  })
})

function assertTold(gateway: GatewayProcess, name: string, code: string, what: string): void {
  const lines = gateway.log().filter((line) => isAbout(line, name, code))
  assert.ok(lines.length > 0, `${name}: ${what}`)
  for (const { msg, fix } of lines) assert.ok(String(msg).length > 10 && String(fix).length > 10)
}

type Line = { readonly [field: string]: unknown }

/** A text that is too large is not read, whatever is in it. */
function isAbout({ event, file, code }: Line, name: string, wanted: string): boolean {
  return event === 'finding' && String(file).includes(`${name}.`) && (code === wanted || code === 'document-too-big')
}

async function productsOf(gateway: GatewayProcess): Promise<readonly string[]> {
  const { products } = (await (await fetch(`${gateway.url}/products`)).json()) as {
    products: readonly { id: string }[]
  }
  return products.map(({ id }) => id)
}
