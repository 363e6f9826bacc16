import assert from 'node:assert/strict'
import { it } from 'node:test'
import { until } from '../../integration/support/until.ts'
import { ManualClock } from './clocks.ts'
import { records } from './scriptedGateway.ts'
import { idsFrom, idsOf, take, type World } from './world.ts'

/** More than all buffers of the system between two programs hold. */
const RECORDS = 400
const PAD = 'x'.repeat(256 * 1024)
const BUFFERED_FRAMES_MAX = 10

export function paceSuite(begin: () => World): void {
  it('connects when it is asked for the first frame, not before', async () => {
    const world = begin()
    const gateway = await world.play((scene) => scene.send(...records(1, 1)))
    const client = world.follow(gateway)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([gateway.asked.length, client.states], [0, []])
    await take(client, 1)
  })

  it('a consumer that does not ask makes it stop reading, and has every record once it does', async () => {
    const world = begin()
    const gateway = await world.play((scene) => scene.send(...records(1, RECORDS, { data: PAD })))
    const client = world.follow(gateway, { bufferedFramesMax: BUFFERED_FRAMES_MAX })
    const first = await take(client, 1)
    const [scene] = gateway.scenes
    let unsent = -1
    await until('nothing to move any more', () => {
      const before = unsent
      unsent = scene?.unsent() ?? 0
      return unsent === before
    })
    assert.ok(unsent > (RECORDS / 2) * PAD.length, `only ${unsent} bytes were left at the gateway`)
    const rest = await take(client, RECORDS - 1)
    assert.deepEqual(idsOf([...first, ...rest]), idsFrom(1, RECORDS))
    assert.equal(gateway.asked.length, 1)
  })

  it('silence is an end: after 45 s it asks where it can, and comes back where nothing answers', async () => {
    const world = begin()
    const clock = new ManualClock()
    const gateway = await world.play(
      (scene) => scene.send(...records(1, 1)),
      (scene) => scene.send(...records(2, 2)),
    )
    const client = world.follow(gateway, { clock, silenceMsMax: 45_000 })
    await take(client, 1)
    const next = take(client, 1)
    const [scene] = gateway.scenes
    clock.pass(44_000)
    scene?.send({ type: 'position', cursor: 'w1.1' })
    // Read, so that it was heard.
    await until('the position', () => client.states.length >= 2)
    await turns(scene?.unsent.bind(scene) ?? (() => 0))
    clock.pass(44_000)
    assert.equal(scene?.gone, false)
    clock.pass(2_000)
    if (world.way.talks) {
      await until('a question', () => (scene?.heard.length ?? 0) > 0)
      assert.deepEqual(scene?.heard, [{ type: 'ping' }])
      assert.equal(gateway.asked.length, 1)
      clock.pass(46_000)
    }
    await until('the wait', () => client.states.some(({ state }) => state === 'waiting'))
    clock.pass(1_000)
    assert.deepEqual(idsOf(await next), ['0-2'])
    assert.deepEqual(gateway.froms, [null, 'w1.1'])
  })

  it('the signal ends it without an error, amid the stream, while waiting, while a token is fetched, and before it began', async () => {
    const world = begin()
    const gateway = await world.play((scene) => scene.send(...records(1, 5)))
    const stop = new AbortController()
    const amid = world.follow(gateway, { signal: stop.signal })
    await take(amid, 2)
    stop.abort()
    assert.equal((await amid.next()).done, true)
    await until('the connection to be gone', () => gateway.scenes[0]?.gone)

    const quiet = await world.play(() => undefined)
    const idle = new AbortController()
    const pending = world.follow(quiet, { signal: idle.signal }).next()
    await until('the connection', () => quiet.scenes.length > 0)
    idle.abort()
    assert.equal((await pending).done, true)

    const asking = new AbortController()
    const tokenless = world.follow(gateway, {
      signal: asking.signal,
      token: () => new Promise<string>(() => undefined),
    })
    const never = tokenless.next()
    asking.abort()
    assert.equal((await never).done, true)
    assert.equal((await world.follow(gateway, { signal: AbortSignal.abort() }).next()).done, true)
    assert.equal(gateway.asked.length, 1)
  })

  it('`break` ends the connection', async () => {
    const world = begin()
    const gateway = await world.play((scene) => scene.send(...records(1, 5)))
    const client = world.follow(gateway)
    for await (const frame of client) if (frame.cursor === 'w1.2') break
    assert.deepEqual(client.states.at(-1), { state: 'ended', error: null })
    await until('the connection to be gone', () => gateway.scenes[0]?.gone)
  })
}

async function turns(unsent: () => number): Promise<void> {
  await until('all to be sent', () => unsent() === 0)
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}
