import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { packageRoot } from '../gateway/package.ts'
import { checkHouse, describeViolation, type Rule, type SourceFile, type Violation } from './house/rules.ts'
import { scan } from './house/scan.ts'
import { sourceTree } from './house/tree.ts'

const FOLDERS = ['client', 'gateway', 'plugins', 'portal', 'test', 'loadtest']

const LAYER_BREACHES: readonly (readonly [path: string, text: string])[] = [
  ['gateway/stream/ring.ts', "import { lease } from '../quota/lease.ts'"],
  ['gateway/stream/ring.ts', "import { systemClock } from '../clock.ts'"],
  ['gateway/stream/ring.ts', "import { type Clock } from '../clock.ts'"],
  ['gateway/stream/ring.ts', "import { createHash } from 'node:crypto'"],
  ['gateway/stream/ring.ts', "import 'ws'"],
  ['gateway/stream/ring.ts', "import { Plan } from '../catalog/plan.ts'"],
  ['gateway/source/kafka/tail.ts', "import { route } from '../../transport/http.ts'"],
  ['gateway/access/token.ts', "export * from '../quota/lease.ts'"],
  ['gateway/access/token.ts', "export { a } from '../usage/tally.ts'"],
  ['gateway/access/token.ts', "const a = await import('../quota/lease.ts')"],
  ['gateway/access/token.ts', 'const a = await import(name)'],
  ['gateway/access/token.ts', 'const a = await import(`../${name}.ts`)'],
  ['gateway/access/token.ts', "new Worker(new URL('../catalog/worker.js', import.meta.url))"],
  ['gateway/access/token.ts', "import type { Products } from '../catalog/compile.ts'"],
  ['gateway/access/token.ts', "import {\n  Plan,\n} from '../catalog/plan.ts'"],
  ['gateway/catalog/compile.ts', "import { Ring } from '../stream/ring.ts'"],
  ['gateway/quota/redis.ts', "import { load } from '../config.ts'"],
  ['gateway/control/api.ts', "import { buildGateway } from '../gateway.ts'"],
  ['gateway/cli/token.ts', "import { buildGateway } from '../gateway.ts'"],
  ['gateway/errors.ts', "import { Ring } from './stream/ring.ts'"],
  ['gateway/billing/ledger.ts', "import { tally } from '../usage/tally.ts'"],
  ['gateway/novelty/a.ts', 'export const a = 1'],
  ['gateway/portal/page.ts', "import type { Gate } from '../transport/gate.ts'"],
  ['portal/live.ts', "import { ERRORS } from '../gateway/errors.ts'"],
  ['portal/live.ts', "import { WebSocket } from 'ws'"],
  ['plugins/mask/index.ts', "import { b } from '../sample/index.ts'"],
  ['plugins/mask/index.ts', "import { Ring } from '../../gateway/stream/ring.ts'"],
  ['client/follow.ts', "import { ERRORS } from '../gateway/errors.ts'"],
  ['client/follow.ts', "import type { Clock } from '../gateway/clock.ts'"],
  ['client/follow.ts', "import { once } from 'node:events'"],
  ['client/follow.ts', "import { WebSocket } from 'ws'"],
  ['gateway/stream/hub.ts', "import { follow } from '../../client/follow.ts'"],
  ['gateway/gateway.ts', "import { helper } from '../test/services/use.ts'"],
]

const LAYER_KEPT: readonly (readonly [path: string, text: string])[] = [
  ['gateway/stream/ring.ts', "import type { Clock } from '../clock.ts'"],
  ['gateway/stream/ring.ts', "import { weightOf } from './record.ts'"],
  [
    'gateway/access/token.ts',
    "import type { Plan } from '../catalog/plan.ts'\nexport type { Grant } from './grant.ts'",
  ],
  ['gateway/access/token.ts', "import { createHash } from 'node:crypto'\nimport * as jose from 'jose'"],
  ['gateway/access/token.ts', "// import { lease } from '../quota/lease.ts'\nsay(\"import a from '../quota/a.ts'\")"],
  ['gateway/main.ts', "import { buildGateway } from './gateway.ts'"],
  ['gateway/cli/tail/follower.ts', "import { follow } from '../../../client/follow.ts'"],
  ['client/follow.ts', "import { Session } from './session.ts'"],
  ['portal/live.ts', "import { follow } from '../client/follow.ts'"],
  ['gateway/gateway.ts', "import { lease } from './quota/lease.ts'\nimport { all } from '../plugins/index.ts'"],
  ['gateway/billing/ledger.ts', "import type { Tally } from '../usage/tally.ts'"],
  ['plugins/mask/index.ts', "import type { Plugin } from '../../gateway/plugin.ts'\nimport { a } from './options.ts'"],
  ['plugins/index.ts', "import { mask } from './mask/index.ts'"],
  ['test/stream/ring.test.ts', "import { buildGateway } from '../../gateway/gateway.ts'"],
]

const TIME_BREACHES: readonly string[] = [
  'Date.now()',
  'const now = Date.now',
  'new Date()',
  'new Date;',
  'performance.now()',
  'process.hrtime.bigint()',
  'Math.random()',
  'setTimeout(run, 5)',
  'globalThis.setInterval(run, 5)',
  'setImmediate(run)',
  'process.env.HOME',
  "process['env']",
  "import { setTimeout } from 'node:timers/promises'",
  "import { env } from 'node:process'",
  '`${Date.now()}`',
]

const DETOURS: readonly string[] = [
  'const a: any = 1',
  'a as any',
  'new Map<string, any>()',
  'function f(): Promise<any> {}',
  'let a: any[]',
  '// @ts-ignore',
  '// @ts-expect-error it is fine',
  '/* oxlint-disable no-shadow */',
  '// eslint-disable-next-line',
  '// TODO later',
  '/** FIXME */',
]

describe('house rules', () => {
  it('the source tree keeps them all', () => {
    const files = sourceTree(packageRoot, FOLDERS)
    assert.ok(files.length > 10, `only ${files.length} source files found below ${packageRoot}`)
    const found = checkHouse(files).map(describeViolation)
    assert.equal(found.length, 0, `${found.length} broken:\n${found.join('\n')}`)
  })

  for (const [where, text] of LAYER_BREACHES) {
    it(`a breach of the layers is found: ${where} with ${text}`, () => expectBreach('layers', where, text))
  }

  for (const [where, text] of LAYER_KEPT) {
    it(`what the layers allow passes: ${where} with ${text}`, () => expectNone(where, text))
  }

  it('a second door of a package is found, a second file of one folder passes', () => {
    const door = { path: 'gateway/source/a.ts', text: "import { Kafka } from 'kafkajs'\n" }
    const same = { path: 'gateway/source/kafka/b.ts', text: "import x from 'kafkajs/src/cluster/index.js'\n" }
    const other = { path: 'gateway/usage/c.ts', text: "\nimport type { Kafka } from 'kafkajs'\n" }
    const test = { path: 'test/d.test.ts', text: "import { Kafka } from 'kafkajs'\n" }
    assert.deepEqual(breaches([door, same, test]), [])
    assert.deepEqual(breaches([door, same, other, test]), ['gateway/usage/c.ts:2 one door'])
  })

  for (const text of TIME_BREACHES) {
    it(`reading the world is found: ${text}`, () => expectBreach('time as an argument', 'gateway/quota/a.ts', text))
  }

  it('the three edges, dates that are given, and words in strings or comments may name the clock', () => {
    for (const edge of ['clock', 'config', 'main']) expectNone(`gateway/${edge}.ts`, 'Date.now()')
    const innocent = [
      'new Date(ms)',
      "say('Date.now()')",
      '`${a} setTimeout`',
      '// Math.random',
      '/Date.now/.test(x)',
      'clock.setTimeout()',
    ]
    for (const text of innocent) expectNone('gateway/quota/a.ts', text)
  })

  it('a file over 400 lines is found at line 401', () => {
    expectNone('gateway/quota/a.ts', 'x()\n'.repeat(400))
    assert.deepEqual(breaches([{ path: 'gateway/quota/a.ts', text: 'x()\n'.repeat(401) }]), [
      'gateway/quota/a.ts:401 one noun a file',
    ])
  })

  for (const text of DETOURS) {
    it(`a way around the tools is found, in tests too: ${text}`, () => {
      expectBreach('no way around', 'gateway/quota/a.ts', text)
      expectBreach('no way around', 'test/quota/a.test.ts', text)
    })
  }

  it('the word any in prose, names and strings is no type', () => {
    for (const text of [
      '// any of them',
      'Promise.any(all)',
      'const any = 1',
      "x(': any')",
      'f({ any: 1 })',
      'many(company)',
    ]) {
      expectNone('gateway/quota/a.ts', text)
    }
  })

  it('code is told from comments, strings, templates and regular expressions', () => {
    const kept = (text: string): string => scan(text).code.replaceAll(/ +/g, ' ').trim()
    assert.equal(kept('a /* b */ c // d'), 'a c')
    assert.equal(kept(String.raw`f('it\'s', "x")`), 'f(\' \', " ")')
    assert.equal(kept('f(`a ${b(`c ${d}`)} e`)'), 'f(` {b(` {d}`)} `)')
    assert.equal(kept('a = /[/"]+/g.test(b) / 2 / c'), 'a = / /g.test(b) / 2 / c')
    assert.equal(kept("return /'/.exec(a)"), 'return / /.exec(a)')
  })
})

/** `path:line rule` of each breach. */
function breaches(files: readonly SourceFile[]): string[] {
  return checkHouse(files).map(({ path, line, rule }) => `${path}:${line} ${rule}`)
}

function expectBreach(rule: Rule, path: string, text: string): void {
  const found = checkHouse([{ path, text: `const first = 1\n${text}\n` }])
  assert.deepEqual([...new Set(found.map((one) => one.rule))], [rule])
  assert.match(describeViolation(found[0] as Violation), new RegExp(`^${path}:\\d+ breaks "${rule}": .`))
}

function expectNone(path: string, text: string): void {
  assert.deepEqual(breaches([{ path, text }]), [])
}
