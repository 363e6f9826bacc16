import assert from 'node:assert/strict'
import { it } from 'node:test'
import { WeirError } from '../../../client/follow.ts'
import { until } from '../../integration/support/until.ts'
import { records, SUBSCRIBED } from './scriptedGateway.ts'
import { take, type World } from './world.ts'

export const EXPIRING = { type: 'notice', kind: 'token-expiring', expiresAt: '2026-11-22T15:00:00.000Z' }

export function tokensSuite(begin: () => World): void {
  it('a token that expires is followed by another: within the session where frames go both ways, else with the next request', async () => {
    const world = begin()
    const gateway = await world.play(
      (scene) => {
        scene.send(SUBSCRIBED, ...records(1, 1), EXPIRING, ...records(2, 2))
        if (!world.way.talks) scene.closing(4201, 'token-expired')
      },
      (scene) => scene.send(...records(3, 3)),
    )
    let tokens = 0
    const client = world.follow(gateway, { token: async () => `T${++tokens}` })
    await take(client, 2)
    if (world.way.talks) {
      const [scene] = gateway.scenes
      await until('the newer token', () => (scene?.heard.length ?? 0) > 0)
      assert.deepEqual(scene?.heard, [{ type: 'auth', token: 'T2' }])
      scene?.send({ type: 'authenticated' })
      scene?.cut()
    }
    await take(client, 1)
    assert.ok(tokens >= 2)
    assert.notEqual(gateway.tokens[1], 'T1')
    assert.deepEqual(gateway.froms, [null, 'w1.2'])
  })

  it('a token that cannot be renewed ends with where to go on', async () => {
    const world = begin()
    const gateway = await world.play((scene) => {
      scene.send(...records(1, 1), EXPIRING)
      scene.closing(4201, 'token-expired', { detail: 'It has expired.' })
    })
    const client = world.follow(gateway)
    await take(client, 1)
    await assert.rejects(take(client, 1), (error: unknown) => {
      assert.ok(error instanceof WeirError)
      assert.deepEqual([error.code, error.cursor], ['token-expired', 'w1.1'])
      assert.match(error.advice, /new token/)
      return true
    })
  })

  it('an identity provider that fails at first is told at once; one that fails later is waited for', async () => {
    const world = begin()
    const gateway = await world.play(
      (scene) => {
        scene.send(...records(1, 1))
        scene.closing(4201, 'token-expired')
      },
      (scene) => scene.send(...records(2, 2)),
    )
    const away = new Error('the identity provider is away')
    await assert.rejects(world.follow(gateway, { token: () => Promise.reject(away) }).next(), away)
    assert.equal(gateway.asked.length, 0)
    let asked = 0
    const token = (): string => {
      asked++
      if (asked === 2 || asked === 3) throw away
      return `T${asked}`
    }
    const client = world.follow(gateway, { token })
    await take(client, 2)
    assert.deepEqual(gateway.tokens, ['T1', 'T4'])
    const reasons = client.states.flatMap((state) => (state.state === 'waiting' ? [state.reason] : []))
    assert.deepEqual(reasons.slice(1), Array(2).fill('no token: the identity provider is away'))
  })

  it('what is no token is refused before it is sent', async () => {
    const world = begin()
    const gateway = await world.play({ status: 410 })
    await assert.rejects(world.follow(gateway, { token: 'a b\n' }).next(), TypeError)
    assert.equal(gateway.asked.length, 0)
  })
}
