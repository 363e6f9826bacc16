import assert from 'node:assert/strict'
import { it } from 'node:test'
import { WeirError, type State } from '../../../client/follow.ts'
import { ERRORS } from '../../../gateway/errors.ts'
import { records } from './scriptedGateway.ts'
import { idsFrom, idsOf, take, type Client, type World } from './world.ts'

export function codesSuite(begin: () => World): void {
  for (const [error, { close, status, title }] of Object.entries(ERRORS)) {
    const does = close < 4200 ? 'comes back' : close < 4400 ? 'gets a new token' : 'ends'
    it(`${error} (${close}): ${does}`, async () => {
      const world = begin()
      const gateway = await world.play(
        (scene) => {
          scene.send(...records(1, 2))
          scene.closing(close, error, { detail: 'The reason.', retryAfter: 7, cursors: { '0': 'w1.99' } })
        },
        (scene) => scene.send(...records(3, 3)),
      )
      let tokens = 0
      const client = world.follow(gateway, { token: () => `T${++tokens}` })
      assert.deepEqual(idsOf(await take(client, 2)), idsFrom(1, 2))
      if (close >= 4400) {
        const thrown = await thrownBy(client)
        assert.deepEqual(
          [thrown.code, thrown.close, thrown.message, thrown.cursor, thrown.retryAfterMs],
          [error, close, 'The reason.', 'w1.2', 7_000],
        )
        assert.deepEqual(client.states.at(-1), { state: 'ended', error: thrown })
        assert.equal(gateway.asked.length, 1)
        return
      }
      assert.deepEqual(idsOf(await take(client, 1)), ['0-3'])
      assert.deepEqual(gateway.froms, [null, 'w1.2'])
      assert.deepEqual(gateway.tokens, ['T1', close < 4200 ? 'T1' : 'T2'])
      const waiting = { state: 'waiting', ms: 7_500, reason: 'The reason.', code: close, error, reached: true }
      assert.deepEqual(waits(client), [waiting])
    })

    if (status === 0) continue
    it(`HTTP ${status} with ${error}: the same`, async () => {
      const world = begin()
      const body = JSON.stringify({ type: '/errors/x', title, status, detail: 'The reason.', code: error })
      const gateway = await world.play({ status, body, headers: { 'retry-after': '7' } }, (scene) =>
        scene.send(...records(1, 1)),
      )
      let tokens = 0
      const client = world.follow(gateway, { token: () => `T${++tokens}` })
      if (close >= 4400) {
        const thrown = await thrownBy(client)
        assert.deepEqual([thrown.code, thrown.close], [error, close])
        assert.equal(thrown.message, `${title}: The reason.`)
        return
      }
      await take(client, 1)
      assert.deepEqual(gateway.tokens, ['T1', close < 4200 ? 'T1' : 'T2'])
      assert.equal(waits(client)[0]?.ms, 7_500)
    })
  }

  it('an answer that is none of the gateway’s: 401 gets a new token, 502 waits, by a date as well, a page ends it', async () => {
    const world = begin()
    const date = new Date(Date.now() + 100_000).toUTCString()
    const gateway = await world.play(
      { status: 401, body: '<html>' },
      { status: 502 },
      { status: 503, headers: { 'retry-after': date } },
      { status: 200, body: '<html>' },
    )
    let tokens = 0
    const client = world.follow(gateway, { token: () => `T${++tokens}` })
    const thrown = await thrownBy(client)
    assert.match(thrown.message, /^HTTP 200: no/)
    assert.deepEqual(gateway.tokens, ['T1', 'T2', 'T2', 'T2'])
    const [first, second, third] = waits(client).map(({ ms }) => ms)
    assert.deepEqual([first, second], [0, 750])
    assert.ok((third ?? 0) > 90_000 && (third ?? 0) <= 100_500, `${third} ms`)
  })

  it('what ends a subscription or refuses it is obeyed by its code', async () => {
    const world = begin()
    const gateway = await world.play(
      (scene) => scene.send({ type: 'ended', id: '0', code: 'source-unavailable', retry: 'later', retryAfter: 2 }),
      (scene) => scene.send({ type: 'error', id: '0', code: 'forbidden', title: 'Not allowed', detail: 'Scope x.' }),
    )
    const client = world.follow(gateway)
    const thrown = await thrownBy(client)
    assert.deepEqual([thrown.code, thrown.message], ['forbidden', 'Not allowed: Scope x.'])
    assert.equal(waits(client)[0]?.ms, 2_500)
  })

  it('failures in a row are waited out ever longer; one that brought a record counts from the start', async () => {
    const world = begin()
    const fail = { status: 503 }
    const gateway = await world.play(
      fail,
      fail,
      fail,
      (scene) => {
        scene.send(...records(1, 1))
        scene.cut()
      },
      fail,
      (scene) => scene.send(...records(2, 2)),
    )
    const client = world.follow(gateway)
    await take(client, 2)
    assert.deepEqual(
      waits(client).map(({ ms }) => ms),
      [375, 750, 1500, 375, 750],
    )
  })

  it('a gateway that is not there is waited for, and the wait says that nothing was reached', async () => {
    const world = begin()
    const gone = await world.play({ status: 410 })
    await gone.close()
    const stop = new AbortController()
    const client = world.follow(gone, {
      signal: stop.signal,
      onState: (state) => state.state === 'waiting' && stop.abort(),
    })
    assert.equal((await client.next()).done, true)
    assert.deepEqual(
      client.states.map(({ state }) => state),
      ['connecting', 'waiting', 'ended'],
    )
    const [wait] = waits(client)
    assert.deepEqual([wait?.code, wait?.reached], [1006, false])
    assert.match(wait?.reason ?? '', /ECONNREFUSED/)
  })
}

function waits(client: Client): Extract<State, { state: 'waiting' }>[] {
  return client.states.filter((state) => state.state === 'waiting')
}

async function thrownBy(client: Client): Promise<WeirError> {
  const error: unknown = await client.next().then(
    () => assert.fail('it went on'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof WeirError, String(error))
  assert.notEqual(error.advice, '')
  return error
}
