import assert from 'node:assert/strict'
import { it } from 'node:test'
import { textOf, type Frame } from '../../../client/follow.ts'
import { records, SUBSCRIBED, type Scene } from './scriptedGateway.ts'
import { idsFrom, idsOf, take, type World } from './world.ts'

export function continuitySuite(begin: () => World): void {
  it('goes on behind the last record across any number of cuts: each record once, in order', async () => {
    const world = begin()
    const cuts = Array.from({ length: 8 }, (_, cut) => (scene: Scene) => {
      if (cut === 0) scene.send(SUBSCRIBED)
      scene.send(...records(3 * cut + 1, 3 * cut + 3))
      scene.cut()
    })
    const gateway = await world.play(...cuts)
    const taken = await take(world.follow(gateway, { from: 'earliest' }), 24)
    assert.deepEqual(idsOf(taken), idsFrom(1, 24))
    assert.deepEqual(gateway.froms, ['earliest', ...[3, 6, 9, 12, 15, 18, 21].map((n) => `w1.${n}`)])
  })

  it('a connection that brought no record goes on where it began, not at what is latest by then', async () => {
    const world = begin()
    const gateway = await world.play(
      (scene) => {
        scene.send(world.way.talks ? SUBSCRIBED : { type: 'position', cursor: 'w1.0' })
        scene.cut()
      },
      (scene) => scene.send(...records(1, 1)),
    )
    await take(world.follow(gateway), 1)
    assert.deepEqual(gateway.froms, [null, 'w1.0'])
  })

  it('where not every record has a cursor, those that come again are dropped, in whatever order partitions come', async () => {
    const world = begin()
    const record = (id: string, cursor?: string): object => ({
      type: 'record',
      id,
      data: null,
      ...(cursor && { cursor }),
    })
    const gateway = await world.play(
      (scene) => {
        scene.send(record('0-1', 'C1'), record('0-2'), record('1-1'), record('1-2'))
        scene.cut()
      },
      (scene) => {
        // The next cursor comes before all of what was seen has come again.
        scene.send(record('0-2'), record('0-3', 'C2'), record('1-1'), record('1-2'), record('1-3'))
        scene.cut()
      },
      (scene) => scene.send(record('1-1'), record('1-2'), record('1-3'), record('1.0-0'), record('1-4')),
    )
    const taken = await take(world.follow(gateway), 8)
    assert.deepEqual(idsOf(taken), ['0-1', '0-2', '1-1', '1-2', '0-3', '1-3', '1.0-0', '1-4'])
    assert.deepEqual(gateway.froms, [null, 'C1', 'C2'])
  })

  it('hands on every frame that is the consumer’s as what it is, and leaves out what a newer gateway may say', async () => {
    const world = begin()
    const big = '{"type":"record","id":"0-1","cursor":"w1.1","data":{"n":9007199254740993}}'
    const event = { specversion: '1.0', id: '0-2', type: 'quake', source: '/x', cursor: 'w1.2', data: 1 }
    const others = [
      { type: 'gap', cursor: 'w1.5', reason: 'retention', offsets: 3 },
      { type: 'paused', cursor: 'w1.5', reason: 'quota', resumesAt: '2026-11-22T15:00:00.000Z' },
      { type: 'resumed' },
      { type: 'invalid', id: '0-5', cursor: 'w1.6', reason: 'not-json' },
      { type: 'position', cursor: 'w1.7' },
      { type: 'notice', kind: 'lagging', count: 9 },
    ]
    const gateway = await world.play((scene) => {
      scene.text(big)
      scene.send(event, { type: 'novelty' }, ...others, ...records(8, 8))
    })
    const client = world.follow(gateway)
    const frames: Frame[] = []
    for await (const frame of client) {
      frames.push(frame)
      if (frames.length === 9) break
    }
    assert.deepEqual(
      frames.map(({ type }) => type),
      ['record', 'cloudevent', 'gap', 'paused', 'resumed', 'invalid', 'position', 'notice', 'record'],
    )
    assert.equal(textOf(frames[0] as Frame), big)
    assert.deepEqual(frames[1], { type: 'cloudevent', id: '0-2', cursor: 'w1.2', event })
    assert.deepEqual(frames.slice(2, 8), others)
    const said = client.states.map(({ state }) => state)
    assert.deepEqual(said, ['connecting', 'open', 'paused', 'open', 'ended'])
    assert.deepEqual(client.states[2], { state: 'paused', until: '2026-11-22T15:00:00.000Z', reason: 'quota' })
  })

  it('asks with each option by its name, over what the address says', async () => {
    const world = begin()
    const gateway = await world.play((scene) => scene.send(...records(1, 1)))
    const asking = {
      from: '-PT5M',
      where: 'a==1',
      fields: ['id', 'a.b'],
      params: { station: 'KSEA' },
      format: 'cloudevents',
    } as const
    await take(world.follow({ url: `${gateway.url.replace('http', 'ws')}?where=b==2#x` }, asking), 1)
    const query = Object.fromEntries(gateway.asked[0]?.query ?? [])
    const expected = { where: 'a==1', fields: 'id,a.b', format: 'cloudevents', 'param.station': 'KSEA', from: '-PT5M' }
    assert.deepEqual(query, expected)
    assert.deepEqual(gateway.tokens, ['T'])
  })
}
