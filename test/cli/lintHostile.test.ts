import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Finding } from '../../gateway/catalog/plan.ts'
import { HOSTILE } from '../catalog/hostileDocuments.ts'
import { cpuMs, documentWith, scratchFolder } from '../catalog/support.ts'
import { testEdge } from './support.ts'

const CPU_MS_MAX_EACH = 2_000

describe('weir spec lint on hostile documents', () => {
  for (const kind of ['document', 'overlay'] as const)
    it(`each hostile ${kind} is refused in words, for less than 2 s of work`, async (t) => {
      const folder = await scratchFolder(t)
      for (const [i, [, text]] of HOSTILE.entries()) {
        const name = join(folder, String(i))
        writeFileSync(`${name}.yaml`, kind === 'document' ? text() : documentWith({ product: `id: one-${i}` }))
        if (kind === 'overlay') writeFileSync(`${name}.product.yaml`, text())
      }
      const began = cpuMs()
      const edge = testEdge(folder)
      const exit = await edge.run('spec', 'lint', '.', '--json')
      const { findings } = JSON.parse(edge.out.text) as { readonly findings: readonly Finding[] }
      assert.ok(cpuMs() - began < CPU_MS_MAX_EACH * HOSTILE.length)
      assert.equal(exit, 1)
      for (const [i, [what, , code]] of HOSTILE.entries()) {
        const own = findings.filter(({ file, severity }) => severity === 'error' && file.startsWith(`${i}.`))
        const found = own.find((one) => one.code === code || one.code === 'document-too-big')
        assert.ok(found, `${what}: ${own.map((one) => one.code).join(', ')}`)
        assert.ok(found.message.length > 10 && (found.fix ?? '').length > 10)
      }
    })
})
