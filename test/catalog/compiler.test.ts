import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import type { CompilerLimits } from '../../gateway/catalog/compiler.ts'
import { servable } from '../../gateway/catalog/findings.ts'
import type { Clock, Timer } from '../../gateway/clock.ts'
import { codesOf, documentWith, textOf } from './support.ts'

describe('compiler', () => {
  it('one thread serves many documents, each with its own answer, and ends when idle', async (t) => {
    const { compiler, clock } = compilerOf(t)
    assert.equal(compiler.running, false)
    const ids = ['a', 'b', 'c']
    const plans = await Promise.all(ids.map((id) => compiler.compile(textOf(documentWith({ product: `id: ${id}` })))))
    assert.deepEqual(
      plans.map((plan) => plan.product?.id),
      ids,
    )
    assert.equal(compiler.running, true)
    clock.fire(1_000)
    assert.equal(compiler.running, false)
    assert.ok(servable(await compiler.compile(textOf(documentWith()))))
  })

  it('an overrun ends the thread and tells only the document that overran', async (t) => {
    const { compiler, clock } = compilerOf(t)
    const late = compiler.compile(textOf(documentWith({ product: 'id: late' })))
    const next = compiler.compile(textOf(documentWith({ product: 'id: next' })))
    clock.fire(20_000)
    assert.deepEqual(codesOf((await late).findings), ['compile-timeout'])
    assert.equal((await next).product?.id, 'next')
    assert.equal(clock.pending(20_000), 0, 'the deadline of an answered document is cancelled')
  })

  it("a document that eats the thread's memory is told, and the next one is compiled", async (t) => {
    const { compiler } = compilerOf(t, { compileMemoryMiBMax: 24 })
    const plan = await compiler.compile(textOf(documentWith()))
    assert.deepEqual(codesOf(plan.findings), ['compile-failed'])
    assert.match(plan.findings[0]?.message ?? '', /memory/i)
    assert.deepEqual(codesOf((await compiler.compile(textOf('a: 1'))).findings), ['not-asyncapi'])
  })

  it('closing answers whoever waits, and whoever comes later', async (t) => {
    const { compiler } = compilerOf(t)
    const waiting = [compiler.compile(textOf('a: 1')), compiler.compile(textOf('a: 2'))]
    await compiler.close()
    for (const plan of await Promise.all(waiting)) assert.deepEqual(codesOf(plan.findings), ['compile-failed'])
    assert.deepEqual(codesOf((await compiler.compile(textOf('a: 3'))).findings), ['compile-failed'])
    assert.equal(compiler.running, false)
  })
})

/** Timers fire when the test says so. */
class HandClock implements Clock {
  readonly #timers: { readonly ms: number; readonly run: () => void }[] = []
  now = (): number => 0
  monotonic = (): number => 0
  soon = (run: () => void): void => queueMicrotask(run)
  every = (): Timer => assert.fail('no one needs it')

  after = (ms: number, run: () => void): Timer => {
    const timer = { ms, run }
    this.#timers.push(timer)
    return { cancel: () => void (this.#timers.includes(timer) && this.#timers.splice(this.#timers.indexOf(timer), 1)) }
  }

  fire(ms: number): void {
    const index = this.#timers.findIndex((timer) => timer.ms === ms)
    assert.notEqual(index, -1, `no timer of ${ms} ms`)
    this.#timers.splice(index, 1)[0]?.run()
  }

  pending(ms: number): number {
    return this.#timers.filter((timer) => timer.ms === ms).length
  }
}

function compilerOf(t: TestContext, limits: Partial<CompilerLimits> = {}): { compiler: Compiler; clock: HandClock } {
  const clock = new HandClock()
  const compiler = new Compiler(clock, { idleMs: 1_000, ...limits })
  t.after(() => compiler.close())
  return { compiler, clock }
}
