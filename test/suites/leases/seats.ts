import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Agreement } from '../../../gateway/access/grant.ts'
import type { OpenLeases } from './port.ts'
import { agreementOf, HandClock, NOON, World } from './world.ts'

/** Seats of connections and subscriptions: never more than the limit over all nodes, and mostly without a word to the store. */
export function seatsSuite(open: OpenLeases): void {
  const worldOf = async (nodes: number): Promise<World> => {
    const clock = new HandClock(NOON)
    return new World({ nodes, leases: await open(clock), clock })
  }

  test('seats are exact over the nodes and heal', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([], { connections: 3 })
    const asked = [0, 0, 1, 1].map((node) => come(world, node, agreement))
    const outcomes = await Promise.all(asked)
    assert.deepEqual(outcomes.toSorted(), ['full', 'ok', 'ok', 'ok'])
    const owner = outcomes.indexOf('ok') < 2 ? 0 : 1
    world.quota(owner).seats.release('connections', agreement)
    await world.ticks(1)
    assert.equal(await world.quota(1 - owner).seats.acquire('connections', agreement), 'ok')
    await world.ticks(300)
    assert.equal(await world.quota(0).seats.acquire('connections', agreement), 'full')
    ;(world.nodes[0] as { dead: boolean }).dead = true
    await world.ticks(300)
    assert.equal(await world.quota(1).seats.acquire('connections', agreement), 'ok')
  })

  test('of a large limit, who comes after the first is seated at once', async () => {
    const world = await worldOf(1)
    const { seats } = world.quota(0)
    const agreement = agreementOf([], { connections: 640 })
    const first = seats.acquire('connections', agreement)
    assert.ok(first instanceof Promise)
    assert.equal(await first, 'ok')
    assert.equal(seats.acquire('connections', agreement), 'ok')
  })

  test('of a small limit each seat is asked for, so that it is to be had at every node', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([], { connections: 63 })
    assert.equal(await world.quota(0).seats.acquire('connections', agreement), 'ok')
    const rest = Array.from({ length: 63 }, () => come(world, 1, agreement))
    assert.equal((await Promise.all(rest)).filter((outcome) => outcome === 'ok').length, 62)
  })

  test('seats held in spare let nobody in beyond the limit, and go back where nobody comes', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([], { connections: 640 })
    const comeTo = async (node: number, count: number): Promise<number> => {
      const asked = Array.from({ length: count }, () => come(world, node, agreement))
      return (await Promise.all(asked)).filter((outcome) => outcome === 'ok').length
    }
    assert.equal(await comeTo(0, 1), 1)
    const atOnce = await comeTo(1, 640)
    assert.ok(atOnce < 639 && atOnce >= 639 - 10, `${atOnce} beside ten in spare`)
    await world.ticks(24)
    assert.equal(await comeTo(1, 640), 639 - atOnce)
    assert.equal(await comeTo(0, 1), 0)
    for (let i = 0; i < 5; i++) world.quota(1).seats.release('connections', agreement)
    await world.ticks(1)
    assert.equal(await comeTo(0, 640), 5)
  })

  test('a node that leaves takes no seat with it', async () => {
    const world = await worldOf(2)
    const agreement = agreementOf([], { connections: 640 })
    assert.equal(await world.quota(0).seats.acquire('connections', agreement), 'ok')
    world.quota(0).seats.release('connections', agreement)
    await world.quota(0).drain()
    const asked = Array.from({ length: 641 }, () => come(world, 1, agreement))
    assert.equal((await Promise.all(asked)).filter((outcome) => outcome === 'ok').length, 640)
  })
}

async function come(world: World, node: number, agreement: Agreement): Promise<'ok' | 'full'> {
  return await world.quota(node).seats.acquire('connections', agreement)
}
