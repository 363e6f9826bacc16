import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Examination } from '../../gateway/cli/doctor/examination.ts'
import { factsOfProcess } from '../../gateway/cli/doctor/facts.ts'
import { ok } from '../../gateway/cli/doctor/verdict.ts'
import { systemClock } from '../../gateway/clock.ts'
import { silentLog } from '../../gateway/log.ts'
import { Journal } from '../../gateway/usage/journal.ts'
import { diagnose, linesOf, SOUND, type Diagnosis } from '../integration/support/doctor.ts'
import { freePorts, scratchFolder } from '../services/scratch.ts'
import { testEdge } from './support.ts'

/** What can be said without any system: the machine, ports, folders, and that it ends. */
describe('weir doctor by itself', () => {
  const folder = scratchFolder('doctor-alone')
  const specs = join(folder, 'specs')
  mkdirSync(specs)
  const servers: Server[] = []
  after(() => servers.forEach((server) => server.close()))

  const base = { listen: { host: '127.0.0.1', port: 0 }, control: { port: 0 }, specs: [specs], dataDir: folder }
  const look = (config: object = {}, facts: Partial<typeof SOUND> = {}): Promise<Diagnosis> =>
    diagnose({ ...base, ...config }, facts)

  for (const [node, glibc, words] of [
    ['18.20.0', '2.36', /node: Node 18\.20\.0 is not supported — run Node 24, 22, or 20\.19 or newer/],
    ['20.18.3', '2.36', /node: Node 20\.18\.3 is not supported/],
    ['23.1.0', '2.41', /node: Node 23\.1\.0 is not supported/],
    [
      '20.19.0',
      '2.26',
      /c-library: glibc 2\.26 is too old: the network library for Node 20 needs 2\.27 — use Debian 12/,
    ],
    [
      '22.20.0',
      '2.36',
      /c-library: glibc 2\.36 is too old: .* needs 2\.38 — use Debian 13, .* or Node 20 on this system/,
    ],
    ['24.11.0', null, /c-library: there is no glibc here, as on Alpine Linux/],
  ] as const) {
    it(`Node ${node} with glibc ${glibc ?? 'absent'} is at fault, with the way out`, async () => {
      const { faults, exit } = await look({}, { node, glibc })
      assert.equal(faults().length, 1)
      assert.match(faults()[0] ?? '', words)
      assert.equal(exit, 1)
    })
  }

  it('Node without security fixes is worth a warning, from its last day on', async () => {
    assert.match(
      (await look({}, { node: '20.20.2' })).warnings('machine')[0] ?? '',
      /no security fixes since 2026-04-30/,
    )
    const edge = testEdge(folder, { clock: { ...systemClock, now: () => Date.parse('2026-04-30T12:00:00Z') } })
    writeFileSync(join(folder, 'weir.yaml'), JSON.stringify(base))
    const { doctor } = await import('../../gateway/cli/doctor.ts')
    await doctor(edge, {}, { ...SOUND, node: '20.20.2', glibc: '2.36' })
    assert.match(edge.err.text, /^ok {4}machine: Node 20\.20\.2$/m)
  })

  it('a network library that does not load is at fault, with the first line of why', async () => {
    const loadNetwork = () => Promise.reject(new Error("version `GLIBC_2.38' not found\nstack"))
    const { faults } = await look({}, { loadNetwork })
    assert.deepEqual(faults(), [
      "network-library: the network library does not load on linux-x64: version `GLIBC_2.38' not found — mend Node and glibc as told above, and run npm ci on this very system",
    ])
  })

  it('the facts of this process are facts', () => {
    const facts = factsOfProcess()
    assert.equal(facts.node, process.versions.node)
    assert.match(facts.glibc ?? '', /^2\.\d+$/)
    assert.ok(facts.openFilesMax === null || facts.openFilesMax > 0)
    assert.ok(facts.memoryBytes > 2 ** 20)
  })

  it('fewer files and less memory than the limits want are worth a warning', async () => {
    const { warnings, exit } = await look(
      { limits: { connectionsMax: 5000, logMemoryBytesMax: '1GiB' } },
      { openFilesMax: 1024, memoryBytes: 2 ** 30 },
    )
    assert.match(
      warnings('machine')[0] ?? '',
      /1024 files may be open: room for 768 connections.*5000 — raise it \(ulimit -n 5256/,
    )
    assert.match(warnings('machine')[1] ?? '', /logMemoryBytesMax is 1GiB, and this process may have 1024MiB in all/)
    assert.equal(exit, 0)
  })

  async function taken(server: Server): Promise<number> {
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as { port: number }).port
  }

  it('a port that another program has is at fault; one that a gateway has, or nobody, is not', async () => {
    const other = await taken(createHttpServer((_, response) => void response.writeHead(404).end('no')))
    const weir = await taken(createHttpServer((_, response) => void response.end('{"status":"ok"}')))
    const [free] = (await freePorts(1)) as [number]
    const listen = (port: number) => look({ listen: { host: '127.0.0.1', port } })
    assert.deepEqual((await listen(other)).faults(), [
      `listen: listen 127.0.0.1:${other} is taken by another program — end it, or set listen.port (WEIR_LISTEN_PORT) to a free one`,
    ])
    assert.match(JSON.stringify((await listen(weir)).results), /is taken by a gateway that runs/)
    assert.match(JSON.stringify((await listen(free)).results), new RegExp(`listen 127.0.0.1:${free} is free`))
    const stranger = await look({ listen: { host: '192.0.2.1', port: free } })
    assert.match(stranger.faults()[0] ?? '', /192\.0\.2\.1 is no address of this machine — correct listen\.host/)
  })

  it('addresses and issuers that let too many in, or lead partners nowhere, are worth a warning', async () => {
    const open = { listen: { host: '0.0.0.0', port: 0 }, control: { host: '0.0.0.0', port: 0 } }
    const words = (await look(open)).warnings('ports').join('\n')
    assert.match(words, /control-host: control listens on all addresses/)
    assert.match(words, /public-url: listen\.publicUrl is not set/)
    assert.match(words, /development-issuer: the development issuer is on, and listen\.host is 0\.0\.0\.0/)
    const urls = [
      ['http://streams.example.com', /shows tokens to whoever is on the way/],
      ['https://localhost:8080', /is another machine for each who reads it/],
      ['https://streams.invalid', /streams\.invalid of listen\.publicUrl cannot be looked up from here/],
    ] as const
    for (const [publicUrl, expected] of urls) {
      const { warnings } = await look({ listen: { host: '0.0.0.0', port: 0, publicUrl } })
      assert.match(warnings('ports')[0] ?? '', expected)
    }
  })

  it('a folder that is none is at fault, and one that is not there is not made', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { faults, exit } = await look({ dataDir: join(file, 'data') })
    assert.match(faults()[0] ?? '', /^data-dir: .*file is no folder, and dataDir needs one — .*WEIR_DATADIR/)
    assert.equal(exit, 1)
  })

  it('a disk that the journal may outgrow is worth a warning', async () => {
    const { warnings } = await look({ usage: { journal: { bytesMax: '1024GiB' } } })
    assert.match(warnings('data').join(), /^disk: .* are free at .*, and the journal of usage may grow by 1024\.0GiB/)
  })

  it('what waits in the journal is counted, damage is told, and the journal of a process that runs is left alone', async () => {
    const dataDir = join(folder, randomUUID())
    const options = { folder: join(dataDir, 'journal'), bytesMax: 2 ** 20, segmentBytesMax: 2 ** 16, fsyncMs: 0 }
    const journal = new Journal(options, systemClock, silentLog)
    const envelope = { key: 'k', headers: { a: 'b' }, value: Buffer.alloc(1000) }
    for (let i = 0; i < 3; i++) journal.append([envelope])
    await journal.sync()
    const said = async (): Promise<string> => JSON.stringify((await look({ dataDir })).results)
    assert.match(
      await said(),
      new RegExp(`the journal of usage holds 3 messages \\(3KiB\\), in use by process ${process.pid}`),
    )
    await journal.close()
    assert.match(await said(), /the journal of usage holds 3 messages \(3KiB\) for the ledger/)
    const file = join(options.folder, '000000000001.journal')
    const bytes = readFileSync(file)
    bytes.fill(0xff, 1100, 1200)
    writeFileSync(file, bytes)
    const { warnings, exit } = await look({ dataDir })
    assert.match(warnings('data')[0] ?? '', /^journal: the journal in .* is damaged in 1 places: \d+ bytes of usage/)
    assert.equal(exit, 0)
  })

  it('what is of use to several gateways alone, without the rest that they need, is worth a warning', async () => {
    const [port] = (await freePorts(1)) as [number]
    const alone = await look({ redis: { url: `redis://127.0.0.1:${port}` } })
    assert.match(alone.warnings('configuration')[0] ?? '', /each keeps a ledger of its own.* — set database\.url/)
    const shared = await look({
      clusters: { main: { brokers: [`127.0.0.1:${port}`] } },
      database: { url: `postgres://127.0.0.1:${port}/x` },
    })
    assert.match(
      shared.warnings('configuration')[0] ?? '',
      /each further gateway hands out all of them again — set redis/,
    )
  })

  it('what comes from elsewhere cannot rewrite the terminal', async () => {
    const lines = await linesOf(base, { node: '20.20.0\u001b[2K' })
    assert.ok(lines.some((line) => line.includes('20.20.0\\u001b[2K')))
  })

  describe('an examination', () => {
    const never = new AbortController().signal
    const hang = () => new Promise<never>(() => undefined)

    it('ends in time whatever hangs, and keeps what was found', async () => {
      const examination = new Examination(systemClock, { checkMsMax: 20, wholeMsMax: 1000 })
      examination.look('a', async (system) => {
        assert.equal(await system.check('first', hang), false)
        assert.equal(await system.check('second', async () => ok('well')), true)
      })
      const { results, unreachable } = await examination.end(never)
      assert.deepEqual(
        results.map(({ check, status, message }) => [check, status, message]),
        [
          ['first', 'fail', 'no answer within 20 ms'],
          ['second', 'ok', 'well'],
        ],
      )
      assert.equal(unreachable, true)
    })

    it('tells which systems were not done when the whole time is over, or who asked wants no more', async () => {
      const stop = new AbortController()
      for (const [signal, words] of [
        [never, 'what is left of it was not done after 20 ms'],
        [stop.signal, 'what is left of it was not done when it was stopped'],
      ] as const) {
        stop.abort()
        const examination = new Examination(systemClock, { checkMsMax: 60_000, wholeMsMax: 20 })
        examination.look('a', async (system) => void (await system.check('first', async () => ok('well'))))
        examination.look('b', hang)
        const { results } = await examination.end(signal)
        assert.deepEqual(
          results.filter(({ system }) => system === 'b').map(({ check, message }) => [check, message]),
          [['deadline', words]],
        )
      }
    })

    it('a look that throws is a fault of that system, and of no other', async () => {
      const examination = new Examination(systemClock)
      examination.look('a', async (system) => {
        await system.check('first', () => Promise.reject(new Error('broken')))
        throw new Error('worse')
      })
      examination.look('b', async (system) => void (await system.check('first', async () => ok('well'))))
      const { results } = await examination.end(never)
      assert.deepEqual(
        results.map(({ system, status, message }) => [system, status, message]),
        [
          ['a', 'fail', 'broken'],
          ['a', 'fail', 'worse'],
          ['b', 'ok', 'well'],
        ],
      )
    })
  })
})
