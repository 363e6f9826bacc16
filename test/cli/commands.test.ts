import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../gateway/package.ts'
import { allCommands } from '../../scripts/cli.ts'
import { MANUAL } from '../../scripts/manual.ts'
import { scratchFolder } from '../services/scratch.ts'
import { playGateway, records, send, type Act } from './gatewayDouble.ts'
import { DOCUMENT } from './support.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))
const OPEN: Act = (session) => send(session, ...records(1, 5))
const FOREIGN: Act = { status: 403, problem: { code: 'forbidden', title: 'Not allowed', status: 403, retry: 'never' } }

interface Case {
  readonly args: readonly string[]
  readonly env?: { readonly [name: string]: string }
  /** In a folder of its own, prepared by this. */
  readonly prepare?: (folder: string) => void
  /** Told to end when it has written to stdout. */
  readonly endsBySignal?: true
}

interface Run {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

describe('every command, with --json', { concurrency: 2 }, () => {
  const folder = scratchFolder('commands')
  let taken: Server
  let open: Awaited<ReturnType<typeof playGateway>>
  let foreign: typeof open
  before(async () => {
    mkdirSync(join(folder, 'specs'))
    writeFileSync(join(folder, 'specs/quakes.yaml'), DOCUMENT)
    writeFileSync(join(folder, 'broken.yaml'), DOCUMENT.replace('price: "0"', 'prize: "0"'))
    writeFileSync(
      join(folder, 'good.yaml'),
      'consumers: [{ id: acme, agreements: [{ product: quakes, plan: free }] }]\n',
    )
    writeFileSync(join(folder, 'bad.yaml'), 'listen: { prot: 1 }\n')
    writeFileSync(
      join(folder, 'idp.yaml'),
      'access: { issuers: [{ issuer: "https://idp", audience: weir, jwks: "https://idp/jwks" }] }\n',
    )
    taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    open = await playGateway([OPEN])
    foreign = await playGateway([FOREIGN])
  })
  after(async () => {
    taken.close()
    await open.close()
    await foreign.close()
  })

  const FREE = {
    WEIR_LISTEN_HOST: '127.0.0.1',
    WEIR_LISTEN_PORT: '0',
    WEIR_CONTROL_PORT: '0',
    WEIR_LOG_LEVEL: 'silent',
  }
  const port = (): string => String((taken.address() as AddressInfo).port)
  const nowhere = 'postgres://weir@127.0.0.1:9/weir'
  const readable = (at: string): void => {
    mkdirSync(join(at, 'data/development-issuer'), { recursive: true })
    writeFileSync(join(at, 'data/development-issuer/private.jwk.json'), '{}')
    chmodSync(join(at, 'data/development-issuer/private.jwk.json'), 0o644)
  }

  /** By command and exit code; each code that the manual names has one. */
  const cases: { readonly [command: string]: { readonly [exit: number]: () => Case } } = {
    start: {
      0: () => ({ args: ['start', '--config', 'good.yaml'], env: FREE, endsBySignal: true }),
      1: () => ({ args: ['start'], env: FREE, prepare: readable }),
      2: () => ({ args: ['start', '--config', 'bad.yaml'], env: FREE }),
      3: () => ({ args: ['start', '--config', 'good.yaml'], env: { ...FREE, WEIR_LISTEN_PORT: port() } }),
    },
    check: {
      0: () => ({ args: ['check', '--config', 'good.yaml'] }),
      1: () => ({ args: ['check', '--config', 'bad.yaml'] }),
      2: () => ({ args: ['check', 'good.yaml'] }),
    },
    config: {
      0: () => ({ args: ['config', '--config', 'good.yaml'] }),
      2: () => ({ args: ['config', '--config', 'bad.yaml'] }),
    },
    token: {
      0: () => ({ args: ['token', '--consumer', 'acme'] }),
      1: () => ({ args: ['token', '--consumer', 'acme', '--config', 'idp.yaml'] }),
      2: () => ({ args: ['token', '--consumer', 'acme', '--ttl', 'long'] }),
    },
    tail: {
      0: () => ({ args: ['tail', open.url, '--count', '3'], env: { WEIR_TOKEN: 'x' } }),
      1: () => ({ args: ['tail', foreign.url], env: { WEIR_TOKEN: 'x' } }),
      2: () => ({ args: ['tail', 'quakes/events'] }),
      3: () => ({ args: ['tail', 'http://127.0.0.1:9/streams/quakes/events'] }),
    },
    doctor: {
      0: () => ({ args: ['doctor', '--config', 'good.yaml'], env: FREE }),
      1: () => ({ args: ['doctor', '--config', 'bad.yaml'], env: FREE }),
      2: () => ({ args: ['doctor', 'good.yaml'] }),
      3: () => ({ args: ['doctor', '--config', 'good.yaml'], env: { ...FREE, WEIR_REDIS_URL: 'redis://127.0.0.1:9' } }),
    },
    'spec lint': {
      0: () => ({ args: ['spec', 'lint', join(packageRoot, 'specs/earthquakes')] }),
      1: () => ({ args: ['spec', 'lint', 'broken.yaml'] }),
      2: () => ({ args: ['spec', 'lint', 'nowhere.yaml'] }),
    },
    'spec view': {
      0: () => ({ args: ['spec', 'view', 'specs/quakes.yaml', '--consumer', 'acme', '--config', 'good.yaml'] }),
      1: () => ({ args: ['spec', 'view', 'broken.yaml'] }),
      2: () => ({ args: ['spec', 'view', 'nowhere.yaml'] }),
    },
    'usage report': {
      0: () => ({ args: ['usage', 'report', '--period', '2026-11', '--config', 'good.yaml'] }),
      1: () => ({ args: ['usage', 'report', '--period', '2026-11', '--consumer', 'acne', '--config', 'good.yaml'] }),
      2: () => ({ args: ['usage', 'report', '--period', 'November'] }),
      3: () => ({ args: ['usage', 'report', '--period', '2026-11'], env: { WEIR_DATABASE_URL: nowhere } }),
    },
  }

  it('has a page in the manual, and a case here for each exit code that the manual names', () => {
    const commands = allCommands().map(({ words }) => words)
    assert.deepEqual(Object.keys(MANUAL).toSorted(), commands.toSorted())
    for (const words of commands) {
      assert.deepEqual(Object.keys(cases[words] ?? {}), Object.keys(MANUAL[words]?.exits ?? {}), words)
    }
  })

  for (const [command, byExit] of Object.entries(cases)) {
    for (const [exit, make] of Object.entries(byExit)) {
      it(`weir ${command} ends with ${exit}: ${MANUAL[command]?.exits[Number(exit) as 0] ?? ''}`, async () => {
        const run = await runOf(make())
        assert.equal(run.exit, Number(exit), run.err)
        assertSpoken(command, run)
      })
    }
  }

  async function runOf({ args, env = {}, prepare, endsBySignal }: Case): Promise<Run> {
    const cwd = prepare ? scratchFolder('command') : folder
    prepare?.(cwd)
    const child = spawn(process.execPath, [MAIN, ...args, '--json'], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (endsBySignal) child.kill('SIGTERM')
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    await once(child, 'close')
    return { exit: child.exitCode, out, err }
  }

  /** One JSON value, or for a stream one a line, and nothing else on stdout; words on stderr where there is none. */
  function assertSpoken(command: string, { exit, out, err }: Run): void {
    assert.doesNotMatch(err, /\n {4}at /, 'no stack is shown')
    if (out === '') {
      assert.notEqual(exit, 0, 'what is done has something to say')
      assert.match(err, /^(weir: |error: |\S+:\d+:\d+: error: )/m)
      return
    }
    const values = command === 'tail' ? out.trimEnd().split('\n') : [out]
    for (const value of values) assert.equal(typeof JSON.parse(value), 'object')
    assert.ok(out.endsWith('\n'))
  }
})
