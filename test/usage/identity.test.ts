import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nextBoot } from '../../gateway/usage/identity.ts'
import { scratch } from './support.ts'

describe('the identity of a process in usage', () => {
  const never = (): string => assert.fail('the name is known')

  it('is a name made once, and a count of starts', async (t) => {
    const folder = scratch(t)
    assert.deepEqual(await nextBoot(folder, null, () => 'a'), { node: 'a', boot: 1 })
    assert.deepEqual(await nextBoot(folder, null, never), { node: 'a', boot: 2 })
  })

  it('of workers has one name, and a count for each', async (t) => {
    const folder = scratch(t)
    await nextBoot(folder, null, () => 'a')
    assert.deepEqual(await nextBoot(folder, null, never, 1), { node: 'a', boot: 1 })
    assert.deepEqual(await nextBoot(folder, null, never, 1), { node: 'a', boot: 2 })
    assert.deepEqual(await nextBoot(folder, null, never, 2), { node: 'a', boot: 1 })
    assert.deepEqual(await nextBoot(folder, null, never), { node: 'a', boot: 2 })
    assert.deepEqual(await nextBoot(folder, 'b', never, 1), { node: 'b', boot: 3 })
  })
})
