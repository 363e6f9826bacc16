import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { RunningGateway, StartGateway } from '../../gateway/cli/edge.ts'
import type { Product, Stream } from '../../gateway/catalog/plan.ts'
import { Fault } from '../../gateway/errors.ts'
import { version } from '../../gateway/package.ts'
import { DOCUMENT, testEdge, type TestEdge } from './support.ts'

const STREAM = { id: 'events', title: 'Events', expose: 'read', topic: 'quakes', scope: 'quakes:read' } as Stream
const PRODUCT = {
  id: 'quakes',
  title: 'Quakes',
  visibility: 'public',
  access: 'open',
  lifecycle: 'released',
  defaultPlan: 'free',
  streams: [STREAM],
} as unknown as Product

describe('weir', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    mkdirSync(join(folder, 'specs'))
    writeFileSync(join(folder, 'specs', 'quakes.yaml'), DOCUMENT)
  })
  after(() => rmSync(folder, { recursive: true }))

  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return name
  }
  const claimsOf = (token: string): { readonly [name: string]: unknown } =>
    JSON.parse(Buffer.from(token.trim().split('.')[1] ?? '', 'base64url').toString())

  it('says its version on stdout and its help where it is asked for', async () => {
    const edge = testEdge(folder)
    assert.equal(await edge.run('--version'), 0)
    assert.equal(edge.out.text, `${version}\n`)
    assert.equal(await edge.run('tail', '--help'), 0)
    assert.match(edge.out.text, /--where <filter>/)
    assert.equal(edge.err.text, '')
  })

  it('a wrong command line is exit 2, with what was probably meant, and nothing on stdout', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /Usage: weir/],
      [['strat'], /unknown command 'strat'\n\(Did you mean start\?\)/],
      [['check', '--confg', 'x'], /unknown option '--confg'\n\(Did you mean --config\?\)/],
      [['token'], /required option '--consumer <id>'/],
      [['tail'], /missing required argument 'url'/],
      [['start', 'here'], /too many arguments/],
      [['start', '--worker', '2'], /unknown option '--worker'\n\(Did you mean --workers\?\)/],
      [
        ['start', '--workers', '0'],
        /'--workers <count>' argument '0' is invalid\. A whole number from 1 to 64 is wanted/,
      ],
      [['start', '--workers', '1.5'], /A whole number from 1 to 64/],
      [['start', '--workers', '65'], /A whole number from 1 to 64/],
      [['token', '--consumer', 'a', '--ttl', '5x'], /--ttl "5x" is no time/],
      [['token', '--consumer', 'a', '--ttl', '90d'], /between 1 second and 30 days/],
    ]
    for (const [args, message] of cases) {
      const edge = testEdge(folder)
      assert.equal(await edge.run(...args), 2, args.join(' '))
      assert.match(edge.err.text, message)
      assert.equal(edge.out.text, '')
    }
  })

  it('commands and options of later versions are refused by name', async () => {
    for (const args of [
      ['consumer', 'list'],
      ['spec', 'publish', 'a.yaml', '--dry-run'],
      ['start', '--roles', 'gateway'],
    ]) {
      const edge = testEdge(folder)
      assert.equal(await edge.run(...args), 2)
      assert.match(edge.err.text, /^weir: `(--)?[\w ]+` is not served by this version/)
    }
  })

  it('a configuration that cannot be used is exit 2 for who needs it, with every problem', async () => {
    write('bad.yaml', 'listen: { prot: 1 }\nplugins: []\n')
    for (const args of [['start'], ['token', '--consumer', 'a'], ['config']]) {
      const edge = testEdge(folder)
      assert.equal(await edge.run(...args, '--config', 'bad.yaml'), 2)
      assert.match(edge.err.text, /^weir: bad\.yaml:1: listen\.prot: [^]*^weir: bad\.yaml:2: plugins: /m)
    }
  })

  it('faults become the exit code of their kind, in one line; the stack only for who asks', async () => {
    const failing = (error: Error, env = {}): TestEdge =>
      testEdge(folder, {
        env,
        startGateway: async () => {
          throw error
        },
      })
    const cases = [
      ['unreachable', 3],
      ['refused', 1],
      ['usage', 2],
      ['internal', 70],
    ] as const
    for (const [kind, exit] of cases) {
      const edge = failing(new Fault(kind, 'What and why.'))
      assert.equal(await edge.run('start'), exit)
      assert.match(edge.err.text, /^weir: What and why\.$/m)
    }
    const broken = failing(new TypeError('x is undefined'))
    assert.equal(await broken.run('start'), 70)
    assert.doesNotMatch(broken.err.text, / at /)
    const debugged = failing(new TypeError('x is undefined'), { WEIR_LOG_LEVEL: 'debug' })
    assert.equal(await debugged.run('start'), 70)
    assert.match(debugged.err.text, /\n\s+at /)
  })

  it('check finds nothing wrong with what is right', async () => {
    const edge = testEdge(folder)
    write('weir.yaml', 'consumers: [{ id: acme, agreements: [{ product: quakes, plan: free }] }]')
    assert.equal(await edge.run('check', '--json'), 0, edge.err.text)
    const report = JSON.parse(edge.out.text) as { ok: boolean; products: string[] }
    assert.deepEqual([report.ok, report.products], [true, ['quakes']])
    assert.equal(edge.err.text, '')
  })

  it('check tells errors of configuration, documents and agreements with file and line, and is exit 1', async () => {
    const wrong = testEdge(folder)
    write('bad.yaml', '\nlisten: { prot: 1 }')
    assert.equal(await wrong.run('check', '--config', 'bad.yaml'), 1)
    assert.match(wrong.err.text, /^bad\.yaml:2: error: configuration listen\.prot: is not a key — /m)

    mkdirSync(join(folder, 'broken'), { recursive: true })
    write('broken/broken.yaml', DOCUMENT.replace('price: "0"', 'prize: "0"'))
    write(
      'agreements.yaml',
      'specs: [specs, broken]\nconsumers:\n  - id: acme\n    agreements:\n      - { product: quakes, plan: gold }',
    )
    const edge = testEdge(folder)
    assert.equal(await edge.run('check', '--config', 'agreements.yaml'), 1)
    assert.equal(edge.out.text, '')
    assert.match(edge.err.text, /^broken\/broken\.yaml:12:\d+: error: /m)
    assert.match(edge.err.text, /^agreements\.yaml:5: error: agreement .*gold.* — /m)
    assert.equal(await edge.run('check', '--config', 'agreements.yaml', '--json'), 1)
    assert.equal((JSON.parse(edge.out.text) as { ok: boolean }).ok, false)
  })

  it('token prints a token of the development issuer and nothing else on stdout', async () => {
    write('weir.yaml', 'dataDir: data')
    const edge = testEdge(folder)
    assert.equal(await edge.run('token', '--consumer', 'acme', '--scope', 'a b', '--ttl', '30m'), 0)
    const { client_id: consumer, scope, iat, exp } = claimsOf(edge.out.text)
    assert.deepEqual({ consumer, scope }, { consumer: 'acme', scope: 'a b' })
    assert.ok(Math.abs(Number(exp) - Number(iat) - 1800) <= 1)
    assert.match(edge.err.text, /^for acme, until /)
  })

  it('token refuses where real issuers are configured', async () => {
    const config = write(
      'idp.yaml',
      'access: { issuers: [{ issuer: "https://idp", audience: weir, jwks: "https://idp/jwks" }] }',
    )
    const edge = testEdge(folder)
    assert.equal(await edge.run('token', '--consumer', 'acme', '--config', config), 1)
    assert.equal(edge.out.text, '')
    assert.match(edge.err.text, /tokens come from https:\/\/idp here/)
  })

  it('start greets with the address, the products and a line that streams, and drains when it is told to stop', async () => {
    let drained = 0
    const running: RunningGateway = {
      url: 'http://0.0.0.0:8080',
      controlUrl: 'http://127.0.0.1:8081',
      products: [PRODUCT],
      drain: () => Promise.resolve(void drained++),
    }
    const started: Parameters<StartGateway>[0][] = []
    const edge = testEdge(folder, { startGateway: (config) => Promise.resolve((started.push(config), running)) })
    edge.err.onWrite = (text) => {
      if (text.includes('curl')) edge.abort()
    }
    assert.equal(await edge.run('start'), 0)
    assert.equal(drained, 1)
    assert.equal(started[0]?.listen.port, 8080)
    assert.equal(edge.out.text, '')
    assert.match(edge.err.text, /^Weir serves at http:\/\/127\.0\.0\.1:8080$/m)
    assert.match(edge.err.text, /portal: +http:\/\/127\.0\.0\.1:8080\/ /)
    assert.match(edge.err.text, /product: quakes — Quakes/)
    const curl = /^curl -N -H 'Accept: text\/event-stream' -H 'Authorization: Bearer (\S+)' (\S+)$/m.exec(edge.err.text)
    assert.equal(curl?.[2], 'http://127.0.0.1:8080/streams/quakes/events')
    assert.equal(claimsOf(curl?.[1] ?? '')['scope'], 'quakes:read')
  })

  it('start names no portal where the operator wants none', async () => {
    const config = write('bare.yaml', 'portal: false')
    const running = { url: 'http://a', controlUrl: 'http://b', products: [], drain: () => Promise.resolve() }
    const edge = testEdge(folder, { startGateway: () => Promise.resolve(running) })
    edge.abort()
    assert.equal(await edge.run('start', '--config', config), 0)
    assert.doesNotMatch(edge.err.text, /portal/)
  })

  it('start shows no token where records or issuers are real', async () => {
    const config = write('real.yaml', 'clusters: { main: { brokers: "kafka:9092" } }')
    const running = { url: 'http://a', controlUrl: 'http://b', products: [PRODUCT], drain: () => Promise.resolve() }
    const edge = testEdge(folder, { startGateway: () => Promise.resolve(running) })
    edge.abort()
    assert.equal(await edge.run('start', '--config', config, '--json'), 0)
    assert.deepEqual(JSON.parse(edge.out.text), {
      url: 'http://a',
      controlUrl: 'http://b',
      products: [{ id: 'quakes', title: 'Quakes', streams: ['events'] }],
      token: null,
    })
  })

  it('start with several workers is refused where a part of them would live in one process, and says all that is missing', async () => {
    const bare = testEdge(folder)
    assert.equal(await bare.run('start', '--workers', '2'), 2)
    assert.deepEqual(
      bare.err.lines.map((line) => /`(\S+)`/.exec(line)?.[1]),
      ['clusters', 'redis.url', 'usage.cluster'],
    )
    const config = write(
      'several.yaml',
      'clusters: { main: { brokers: "kafka:9092" } }\nredis: { url: "redis://redis" }\nusage: { cluster: main }\n',
    )
    const counts: number[] = []
    const running = { url: 'http://a', controlUrl: 'http://b', products: [PRODUCT], drain: () => Promise.resolve() }
    const edge = testEdge(folder, { startWorkers: (_, count) => Promise.resolve((counts.push(count), running)) })
    edge.abort()
    assert.equal(await edge.run('start', '--workers', '3', '--config', config), 0, edge.err.text)
    assert.deepEqual(counts, [3])
  })

  it('config shows what is in force and no secret', async () => {
    const config = write(
      'sasl.yaml',
      'clusters: { main: { brokers: "kafka:9092", sasl: { mechanism: plain, username: u } } }',
    )
    const edge = testEdge(folder, { env: { WEIR_CLUSTERS_MAIN_SASL_PASSWORD: 'hunter2' } })
    assert.equal(await edge.run('config', '--config', config), 0, edge.err.text)
    assert.doesNotMatch(edge.out.text, /hunter2/)
    assert.match(edge.out.text, /"password": "\[secret\]"/)
  })
})
