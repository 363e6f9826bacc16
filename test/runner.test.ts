import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { sleep, systemClock } from '../gateway/clock.ts'
import { type FileOutcome, runFile } from './runner/file.ts'
import { failureLines, failureText, suiteTable, totalLine } from './runner/report.ts'
import { selectTests, type TestFile } from './runner/select.ts'
import { scratchFolder } from './services/scratch.ts'

const HEAD = "import { describe, it, before } from 'node:test'; import { spawn } from 'node:child_process'\n"

describe('test runner', () => {
  it('counts tests, not the suites around them', async () => {
    const ran = await run(
      "describe('a × b', () => { it('one', () => {}); describe('c', () => { it('two', () => {}) }) })",
    )
    assert.deepEqual(errors(ran), [])
    assert.equal(ran.passed, 2)
    assert.deepEqual(
      ran.suites.map(({ name, tests }) => [name, tests]),
      [['a × b', 2]],
    )
  })

  it('a failing test fails with its names, error and stack', async () => {
    const ran = await run(
      "describe('a', () => { describe('b', () => { it('one', () => { throw new Error('boom') }) }); it('two', () => {}) })",
    )
    assert.deepEqual(
      ran.failures.map(({ names }) => names),
      [['a', 'b', 'one']],
    )
    assert.match(errors(ran)[0] as string, /^Error: boom\n\s+at .*planted\.test\.mjs/)
    assert.equal(ran.passed, 1)
    assert.match(failureText([ran]), /FAILED planted › a › b › one\n {4}Error: boom/)
    assert.match(failureLines([ran]), /^failed: planted › one: Error: boom at /m)
    assert.equal(totalLine([ran], 0), '1 passed, 1 failed')
    assert.match(suiteTable([ran]), /^a +2 +\d+ ms$/m)
  })

  for (const [what, body, error] of [
    ['a skipped test', "describe('a', () => { it('one', () => {}); it.skip('two', () => {}) })", /^skipped/],
    ['a skipped suite', "describe.skip('a', () => { it('one', () => {}) })", /^skipped/],
    ['a test without a body', "describe('a', () => { it('one', () => {}); it.todo('two') })", /^todo/],
    [
      'a hook that throws',
      "describe('a', () => { before(() => { throw new Error('no') }); it('one', () => {}) })",
      /^Error: no/,
    ],
    ['an empty file', '', /^not one test ran/],
    ['an empty suite', "describe('a', () => {})", /^not one test ran/],
    ['a file that throws', "throw new Error('load')", /^the process ended with exit code 1/],
    [
      'two suites at the top',
      "describe('a', () => { it('one', () => {}) }); describe('b', () => { it('two', () => {}) })",
      /^a test file has one/,
    ],
    [
      'an exit code of its own',
      "describe('a', () => { it('one', () => {}) }); process.on('exit', () => { process.exitCode = 7 })",
      /exit code 7/,
    ],
    [
      'a promise that rejects unseen',
      "describe('a', () => { it('one', () => { setTimeout(() => Promise.reject(new Error('late')), 50) }) })",
      /late|exit code/,
    ],
  ] as const) {
    it(`${what} fails the run`, async () => {
      const ran = await run(body)
      assert.ok(
        errors(ran).some((one) => error.test(one)),
        `${errors(ran).join('\n')}\n${ran.printed}`,
      )
    })
  }

  it('a file that hangs is ended, and the test that hangs is named', async () => {
    const ran = await run(
      "describe('a', () => { it('waits', () => new Promise(() => setInterval(() => {}, 1000))) })",
      { msMax: 1500 },
    )
    assert.deepEqual(errors(ran), ['not done after 1.5 s; unfinished: a › waits'])
  })

  it('a file that leaves something open is ended, and says so', async () => {
    const ran = await run("describe('a', () => { it('one', () => { setInterval(() => {}, 1000) }) })", { msMax: 1500 })
    assert.deepEqual(errors(ran), ['not done after 1.5 s; all tests had ended, something was left open'])
  })

  it('a process that a file leaves running is ended and held against it', async () => {
    const body =
      "describe('a', () => { it('one', () => { const c = spawn('sleep', ['300'], { stdio: 'ignore' }); c.unref(); console.log('pid', c.pid) }) })"
    const ran = await run(body)
    assert.match(errors(ran)[0] as string, /^it left a process running: \d+ sleep 300/)
    const pid = /pid (\d+)/.exec(ran.printed)?.[1] as string
    // A process that nobody has waited for yet stays in the table, with an empty command.
    while (existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0)
      await sleep(systemClock, 20)
  })

  it('the end of the run ends the file', async () => {
    const ran = await run(
      "describe('a', () => { it('waits', () => new Promise(() => setInterval(() => {}, 1000))) })",
      { signal: AbortSignal.abort() },
    )
    assert.match(errors(ran)[0] as string, /^the run was ended/)
  })

  it('what a file needs is read from its imports, through helpers', () => {
    const files = [
      { path: 'test/a.test.ts', text: "import { kafkaBrokers } from './services/use.ts'" },
      { path: 'test/deep/b.test.ts', text: "import { helper } from './helper.ts'" },
      { path: 'test/deep/helper.ts', text: "import { redisUrl as url,\n postgresUrl } from '../services/use.ts'" },
      { path: 'test/c.test.ts', text: "import { startKafka } from './services/kafka.ts'" },
      { path: 'test/d.test.ts', text: "import type { KafkaCluster } from './services/kafka.ts'" },
      { path: 'test/e.test.ts', text: "import { open } from './browser.ts'" },
      { path: 'test/browser.ts', text: "import { provideChromium } from './services/chromium.ts'" },
    ]
    const needs = ({ path, needs, ownKafka, browser }: TestFile): string =>
      [path, ...needs, ownKafka, browser].join(' ')
    assert.deepEqual(selectTests(files, []).map(needs), [
      'test/a.test.ts kafka false false',
      'test/deep/b.test.ts redis postgres false false',
      'test/c.test.ts true false',
      'test/d.test.ts false false',
      'test/e.test.ts false true',
    ])
  })

  it('filters are parts of paths, of the source or of what was built', () => {
    const files = ['test/a/x.test.ts', 'test/b/x.test.ts', 'test/b/helper.ts'].map((path) => ({ path, text: '' }))
    const chosen = (...filters: string[]): string[] => selectTests(files, filters).map(({ path }) => path)
    assert.deepEqual(chosen('b/'), ['test/b/x.test.ts'])
    assert.deepEqual(chosen('dist/test/a/x.test.js'), ['test/a/x.test.ts'])
    assert.deepEqual(chosen('./test/a/x.test.ts', 'b/x'), ['test/a/x.test.ts', 'test/b/x.test.ts'])
    assert.deepEqual(chosen('nothing'), [])
  })
})

async function run(
  body: string,
  more: { readonly msMax?: number; readonly signal?: AbortSignal } = {},
): Promise<FileOutcome> {
  const folder = scratchFolder('planted')
  const built = join(folder, 'planted.test.mjs')
  writeFileSync(built, HEAD + body)
  return runFile({ path: 'planted', built, env: process.env, folder, msMax: 30_000, ...more })
}

function errors({ failures }: FileOutcome): string[] {
  return failures.map(({ error }) => error)
}
