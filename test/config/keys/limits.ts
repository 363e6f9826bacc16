import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Admissions, type Connection } from '../../../gateway/transport/admissions.ts'
import type { Clock } from '../../../gateway/clock.ts'
import { testEdge } from '../../cli/support.ts'
import { SseClient } from '../../integration/support/sse.ts'
import { until } from '../../integration/support/until.ts'
import { WsClient } from '../../integration/support/webSocket.ts'
import { scratchFolder } from '../../services/scratch.ts'
import { RECORDS, writeProduct, type Cases, type KeyWorld } from './world.ts'

export const LIMITS = `specs: products
limits:
  connectionsMax: 3
  logMemoryBytesMax: 1MiB
  framesPerSecondMax: 5
  frameBytesMax: 1KiB
  subscriptionsPerSessionMax: 1
  authMsMax: 200
  lingerMs: 0
  recordBytesMax: 2KiB
playback: { recordsPerSecond: 10000 }
usage: { flushMs: PT1M }
`

const SUBSCRIBE = { type: 'subscribe', product: 'quakes', stream: 'events' }
const CONNECTIONS = 250

/** Of a gateway that has the limits above. */
export function limitCases(world: () => KeyWorld): Cases {
  const session = async (): Promise<WsClient> => {
    const client = new WsClient(world().stream.replace(/streams.*/, 'streams'), { token: await world().token() })
    await client.frame('welcome')
    return client
  }
  const nobody = (): Promise<unknown> =>
    until('nobody to be connected', async () => (await world().metric('weir_connections')) === 0)
  return {
    'limits.connectionsMax': {
      it: 'so many connections are let in, and the next one is told that all are taken',
      async run() {
        await nobody()
        const token = await world().token()
        const onBlock = (): void => undefined
        const clients = [1, 2, 3].map(() => new SseClient(world().stream, { token, onBlock }))
        for (const client of clients) assert.equal(await client.answered(), 200)
        const fourth = new SseClient(world().stream, { token })
        const { error } = await fourth.frame('closing').finally(() => clients.forEach((client) => client.destroy()))
        assert.equal(error, 'too-many-connections')
        await nobody()
      },
    },
    'limits.logMemoryBytesMax': {
      it: 'the newest records take so much memory and no more, however fast they come',
      async run() {
        const client = new SseClient(world().stream, { token: await world().token(), onBlock: () => undefined })
        let most = 0
        const began = performance.now()
        await until('two megabytes to have been played', async () => {
          most = Math.max(most, await world().metric('weir_ring_bytes'))
          return performance.now() - began > 1_500 && most > 128 * 1024
        })
        assert.ok(most <= 1024 * 1024, String(most))
        client.destroy()
        await nobody()
      },
    },
    'limits.framesPerSecondMax': {
      it: 'a client that sends more frames in a second is closed',
      async run() {
        const client = await session()
        for (let n = 0; n < 8; n++) client.send({ type: 'unsubscribe', id: `x${n}` })
        assert.equal((await client.ended()).code, 4432)
      },
    },
    'limits.frameBytesMax': {
      it: 'a client that sends a larger frame is closed',
      async run() {
        const client = await session()
        client.send({ ...SUBSCRIBE, id: 'a', where: 'x'.repeat(1_100) })
        assert.equal((await client.ended()).code, 4413)
      },
    },
    'limits.subscriptionsPerSessionMax': {
      it: 'one more subscription of a session is refused',
      async run() {
        const client = await session()
        client.send({ ...SUBSCRIBE, id: 'a' })
        client.send({ ...SUBSCRIBE, id: 'b', from: 'earliest' })
        assert.equal((await client.frame('error').finally(() => client.destroy()))['code'], 'too-many-subscriptions')
      },
    },
    'limits.authMsMax': {
      it: 'who sends no token in this time is closed',
      async run() {
        const began = performance.now()
        const client = new WsClient(world().stream)
        assert.equal((await client.ended()).code, 4408)
        assert.ok(performance.now() - began < 3_000, 'long before the five seconds of the default')
      },
    },
    'limits.lingerMs': {
      it: 'a topic is followed no longer than that after its last subscriber left',
      async run() {
        const client = new SseClient(world().stream, { token: await world().token(), onBlock: () => undefined })
        await until('the topic to be followed', async () => (await world().metric('weir_tails')) === 1)
        client.destroy()
        await until('it to be let go', async () => (await world().metric('weir_tails')) === 0, 5_000)
      },
    },
    'limits.recordBytesMax': {
      it: 'a larger record is told as invalid, and the others come',
      async run() {
        const page = (await (await world().page(`from=earliest&limit=${2 * RECORDS}`)).json()) as {
          records: { type: string; reason?: string }[]
        }
        const told = new Set(page.records.map(({ type, reason }) => `${type} ${reason}`))
        assert.deepEqual([...told].toSorted(), ['invalid too-big', 'record undefined'])
      },
    },
    'limits.documentBytesMax': {
      it: 'a larger document is refused',
      async run() {
        const folder = scratchFolder('keys')
        writeProduct(folder)
        writeFileSync(join(folder, 'weir.yaml'), 'specs: products\nlimits: { documentBytesMax: 1KiB }\n')
        const edge = testEdge(folder)
        assert.equal(await edge.run('check', '--json'), 1)
        assert.match(edge.out.text, /documentBytesMax|1024/)
      },
    },
    'limits.drainMsMax': {
      it: 'a drain sends everybody away over this time',
      async run() {
        assert.equal(await waitsOfDrain(0), 0)
        assert.ok((await waitsOfDrain(20_000)) > 0)
      },
    },
    'usage.flushMs': {
      it: 'what was delivered is written down this often, and not before',
      async run() {
        await world().page('from=earliest&limit=2')
        await until('it to be counted', async () => (await world().metric('weir_usage_pending_records')) > 0)
      },
    },
    'playback.recordsPerSecond': {
      it: 'recordings are played, and dated, at this pace',
      async run() {
        const { records } = (await (await world().page('from=earliest&limit=12')).json()) as {
          records: { time: string }[]
        }
        const [first, last] = [records.at(1)?.time ?? '', records.at(-1)?.time ?? '']
        const ms = Date.parse(last) - Date.parse(first)
        assert.ok(ms <= 2, `ten records within ${ms} ms`)
      },
    },
  }
}

/** How often a drain of many connections waits. */
async function waitsOfDrain(msMax: number): Promise<number> {
  let waits = 0
  const clock = {
    after: (_: number, run: () => void) => {
      waits++
      setImmediate(run)
      return { cancel() {} }
    },
  } as unknown as Clock
  const context = { clock, random: () => 0 } as unknown as ConstructorParameters<typeof Admissions>[0]
  const admissions = new Admissions(context)
  for (let n = 0; n < CONNECTIONS; n++) admissions.enter({ session: {}, close() {} } as unknown as Connection)
  await admissions.drain(msMax)
  return waits
}
