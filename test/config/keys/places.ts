import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerTables } from '../../../gateway/billing/tables.ts'
import { systemClock } from '../../../gateway/clock.ts'
import { openDatabase } from '../../../gateway/drivers/sql/database.ts'
import { HandClock, ListLog } from '../../usage/support.ts'
import { Journal } from '../../../gateway/usage/journal.ts'
import { openPen } from '../../../gateway/usage/segment.ts'
import { testEdge } from '../../cli/support.ts'
import { until } from '../../integration/support/until.ts'
import { WsClient } from '../../integration/support/webSocket.ts'
import { freePorts, scratchFolder } from '../../services/scratch.ts'
import type { Cases, KeyWorld } from './world.ts'

/** Addresses of loopback that nothing uses by default. */
export const PARTNERS = '127.0.0.2'
export const OPERATOR = '127.0.0.3'

export async function placesYaml(): Promise<{ readonly yaml: string; readonly address: string }> {
  const [partners, operator] = (await freePorts(2)) as [number, number]
  const yaml = `specs: [products]
listen: { host: ${PARTNERS}, port: ${partners}, publicUrl: "https://streams.example.com" }
control: { host: ${OPERATOR}, port: ${operator} }
dataDir: data
node: north-1
usage: { flushMs: 100, journal: { path: elsewhere } }
limits: { heartbeatMs: PT1S }
playback: { recordsPerSecond: 0.4 }
`
  return { yaml, address: `http://${PARTNERS}:${partners}` }
}

const NOWHERE = '127.0.0.1:9'

/** Of a gateway at the addresses above. */
export function placeCases(world: () => KeyWorld): Cases {
  const portOf = (url: string): string => new URL(url).port
  return {
    'listen.host': {
      it: 'partners are served at this address, and at no other',
      async run() {
        assert.equal((await world().page('from=earliest')).status, 200)
        await assert.rejects(fetch(world().stream.replace(PARTNERS, '127.0.0.1')))
      },
    },
    'listen.port': {
      it: 'partners are served at this port',
      async run() {
        assert.notEqual(portOf(world().stream), '8080')
        assert.equal((await fetch(`${new URL(world().stream).origin}/healthz`)).status, 200)
      },
    },
    'listen.publicUrl': {
      it: 'stands where partners are told how to reach the gateway',
      async run() {
        const challenge = (await fetch(world().stream)).headers.get('www-authenticate') ?? ''
        assert.match(challenge, /https:\/\/streams\.example\.com\//)
      },
    },
    'control.host': {
      it: 'the operator is served at this address, and at no other',
      async run() {
        assert.equal((await fetch(`${world().gateway.controlUrl}/healthz`)).status, 200)
        await assert.rejects(fetch(`${world().gateway.controlUrl.replace(OPERATOR, '127.0.0.1')}/healthz`))
      },
    },
    'control.port': {
      it: 'the operator is served at this port',
      async run() {
        assert.notEqual(portOf(world().gateway.controlUrl), '8081')
        assert.equal((await fetch(`${world().gateway.controlUrl}/readyz`)).status, 200)
      },
    },
    'limits.heartbeatMs': {
      it: 'a quiet connection shows a sign of life that often',
      async run() {
        const client = new WsClient(world().stream, { token: await world().token() })
        const began = performance.now()
        await client.frame('position').finally(() => client.destroy())
        assert.ok(performance.now() - began < 5_000, 'long before the fifteen seconds of the default')
      },
    },
    specs: {
      it: 'the documents of these folders are served, and no others',
      run: () =>
        assert.deepEqual(
          world().gateway.products.map(({ id }) => id),
          ['quakes'],
        ),
    },
    dataDir: {
      it: 'what must survive a restart is in this folder',
      run: () => assert.ok(existsSync(join(world().folder, 'data/node.json'))),
    },
    node: {
      it: 'usage is reported under this name',
      async run() {
        const file = join(world().folder, 'data/ledger.db')
        const database = await openDatabase<LedgerTables>({ url: null, file, clock: systemClock })
        const names = (): Promise<{ node: string }[]> =>
          database.query.selectFrom('ledger_shards').select('node').distinct().execute()
        await until('a message of usage', async () => (await names()).length > 0)
        assert.deepEqual(await names(), [{ node: 'north-1' }])
        await database.close()
      },
    },
    'usage.journal.path': {
      it: 'usage waits in this folder',
      run: () => assert.ok(readdirSync(join(world().folder, 'elsewhere')).some((name) => name.endsWith('.journal'))),
    },
    'usage.journal.fsyncMs': {
      it: 'what was written is forced to disk that much later',
      run() {
        const clock = new HandClock()
        let synced = 0
        const options = { folder: scratchFolder('keys'), bytesMax: 1 << 20, segmentBytesMax: 1_000, fsyncMs: 700 }
        const journal = new Journal(options, clock, new ListLog(), (segment) => ({
          ...openPen(segment),
          sync: () => Promise.resolve(void synced++),
        }))
        journal.append([{ key: 'a', headers: { ce_id: 'a/0/1/0/1' }, value: Buffer.alloc(10) }])
        clock.advance(699)
        assert.equal(synced, 0)
        clock.advance(1)
        return until('the sync', () => synced > 0).then(() => journal.close())
      },
    },
    'redis.urlFile': {
      it: 'allowances are asked for at the address in the file',
      async run() {
        const urlFile = join(scratchFolder('keys'), 'address')
        writeFileSync(urlFile, `redis://:geheim@${NOWHERE}\n`)
        const gateway = await world().process({ redis: { urlFile } })
        await until('Redis to be missed', () => gateway.log().some(({ event }) => event === 'redis-lost'))
        await gateway.stop('SIGKILL')
      },
    },
    'database.urlFile': {
      it: 'the ledger is asked at the address in the file',
      async run() {
        const folder = scratchFolder('keys')
        writeFileSync(join(folder, 'address'), `postgres://weir:geheim@${NOWHERE}/weir\n`)
        writeFileSync(join(folder, 'weir.yaml'), 'specs: .\ndatabase: { urlFile: address }\n')
        const edge = testEdge(folder)
        assert.equal(await edge.run('usage', 'report', '--period', '2026-11'), 3)
        assert.match(edge.err.text, /cannot be opened: connect ECONNREFUSED/)
      },
    },
    'log.level': {
      it: 'silent logs nothing, and error no word of what goes well',
      async run() {
        for (const level of ['silent', 'error']) {
          const gateway = await world().process({ log: { level } })
          await gateway.stop()
          assert.deepEqual(
            gateway.log().filter((line) => 'level' in line),
            [],
          )
        }
        const talkative = await world().process({})
        await talkative.stop()
        assert.ok(talkative.log().some(({ event }) => event === 'listening'))
      },
    },
  }
}
