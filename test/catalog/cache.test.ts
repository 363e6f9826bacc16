import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PlanCache } from '../../gateway/catalog/cache.ts'
import type { PlanSource } from '../../gateway/catalog/cache.ts'
import { planOf } from '../../gateway/catalog/compile.ts'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import type { DocumentText } from '../../gateway/catalog/document.ts'
import type { Plan } from '../../gateway/catalog/plan.ts'
import { systemClock } from '../../gateway/clock.ts'
import { silentLog } from '../../gateway/log.ts'
import { documentWith, read, scratchFolder, textOf } from './support.ts'

describe('plan cache', () => {
  it('a warm cache starts no thread and imports no parser', async (t) => {
    const folder = await scratchFolder(t)
    const compiler = new Compiler(systemClock)
    t.after(() => compiler.close())
    const cold = await new PlanCache(folder, compiler, silentLog).compile(textOf(documentWith()))
    assert.equal(cold.product?.id, 'one')
    const idle = new Compiler(systemClock)
    const warm = await new PlanCache(folder, idle, silentLog).compile(textOf(documentWith()))
    assert.deepEqual(warm, cold)
    assert.equal(idle.running, false)
    const imported = Object.keys(createRequire(import.meta.url).cache)
    assert.ok(imported.length > 0)
    assert.deepEqual(
      imported.filter((path) => path.includes('@asyncapi')),
      [],
    )
  })

  it('the document, its overlay and their names are the key', async (t) => {
    const source = new Counting()
    const cache = new PlanCache(await scratchFolder(t), source, silentLog)
    const one = textOf(documentWith())
    const others: DocumentText[] = [
      one,
      textOf(documentWith(), 'info: {}'),
      { ...one, file: 'other.yaml' },
      textOf(`${documentWith()} `),
    ]
    for (const document of [...others, ...others]) assert.equal((await cache.compile(document)).file, document.file)
    assert.equal(source.compiled, others.length)
  })

  it('a cache file that is damaged in any way is compiled anew and mended', async (t) => {
    const folder = await scratchFolder(t)
    const source = new Counting()
    const cache = new PlanCache(folder, source, silentLog)
    const plan = await cache.compile(textOf(documentWith()))
    const [name = ''] = await readdir(join(folder, 'plans'))
    const file = join(folder, 'plans', name)
    const whole = await readFile(file, 'utf8')
    const damaged = [
      '',
      '{',
      'null',
      whole.slice(0, -9),
      whole.replace('"price":"0"', '"price":"9"'),
      whole.replace(/"format":\d+/, '"format":0'),
    ]
    for (const [i, text] of damaged.entries()) {
      await writeFile(file, text)
      assert.deepEqual(await cache.compile(textOf(documentWith())), plan)
      assert.equal(source.compiled, i + 2)
      assert.equal(await readFile(file, 'utf8'), whole)
    }
  })

  it('nothing but whole plans is left in the folder', async (t) => {
    const folder = await scratchFolder(t)
    const cache = new PlanCache(folder, new Counting(), silentLog)
    await Promise.all(Array.from({ length: 20 }, () => cache.compile(textOf(documentWith()))))
    assert.equal((await readdir(join(folder, 'plans'))).length, 1)
  })

  it('a plan that failed for a passing reason is tried again', async (t) => {
    const source = new Counting('compile-timeout')
    const cache = new PlanCache(await scratchFolder(t), source, silentLog)
    await cache.compile(textOf(documentWith()))
    await cache.compile(textOf(documentWith()))
    assert.equal(source.compiled, 2)
  })

  it('a folder that cannot be written to costs a warning, not the plan', async (t) => {
    const folder = await scratchFolder(t)
    await writeFile(join(folder, 'plans'), 'in the way')
    const warnings: string[] = []
    const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) }
    const plan = await new PlanCache(folder, new Counting(), log).compile(textOf(documentWith()))
    assert.equal(plan.product?.id, 'one')
    assert.ok(warnings.includes('plan could not be cached'))
  })
})

class Counting implements PlanSource {
  compiled = 0
  readonly #code: string | null

  constructor(code: string | null = null) {
    this.#code = code
  }

  compile(document: DocumentText): Promise<Plan> {
    this.compiled++
    const { product, findings } = read(document)
    const more =
      this.#code === null
        ? []
        : [
            {
              severity: 'error' as const,
              code: this.#code,
              message: '',
              fix: null,
              pointer: '',
              file: '',
              line: null,
              column: null,
            },
          ]
    return Promise.resolve(planOf(document, product, [...findings, ...more]))
  }
}
