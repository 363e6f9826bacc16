import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { packageRoot } from '../../gateway/package.ts'
import { scratchFolder } from '../services/scratch.ts'
import { COMMANDS, type Command, type Run } from './support/docsCommands.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'

const RUN_MS_MAX = 60_000
const PAGES = ['README.md', 'CONTRIBUTING.md', ...namesIn('docs').filter((name) => name.endsWith('.md'))]

interface Printed {
  readonly page: string
  /** As one pastes it: continued lines are one, comments are gone. */
  readonly line: string
}

describe('commands that README and docs print', { concurrency: 2 }, () => {
  const folder = scratchFolder('docs-commands')
  let gateway: GatewayProcess
  let token: string
  before(async () => {
    makeWorkspace()
    const consumers = [{ id: 'acme', name: 'Acme Ltd', agreements: [{ product: 'earthquakes', plan: 'pro' }] }]
    const dataDir = join(folder, 'data')
    const config = { consumers }
    gateway = await GatewayProcess.start({ specs: join(folder, 'specs'), dataDir, config, playbackPerSecond: 50 })
    token = await gateway.token(3_600_000, 'acme')
  })
  after(() => gateway.stop('SIGKILL'))

  /** What a reader has around him: his document, his configuration, the program by its name. */
  function makeWorkspace(): void {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    const program = `exec '${process.execPath}' '${MAIN}' "$@"`
    for (const [name, text] of [
      ['weir', program],
      ['npx', `[ "$1" = weir ] || exit 64\nshift\n${program}`],
    ] as const) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
      chmodSync(join(bin, name), 0o755)
    }
    for (const name of ['earthquakes', 'weather', 'departures'])
      cpSync(join(packageRoot, 'specs', name), join(folder, 'specs', name), { recursive: true })
    cpSync(join(packageRoot, 'specs/earthquakes/earthquakes.yaml'), join(folder, 'orders.yaml'))
    writeFileSync(
      join(folder, 'weir.yaml'),
      'specs: [specs]\nconsumers: [{ id: acme, agreements: [{ product: earthquakes, plan: pro }] }]\n',
    )
  }

  for (const page of PAGES) {
    for (const line of linesIn(page)) {
      const rows = COMMANDS.filter((row) => row.fits.test(line))
      it(`${page}: ${line}`, async () => {
        assert.equal(
          rows.length,
          1,
          `${rows.length} rows of support/docsCommands.ts say how this is run: there must be one`,
        )
        await hold(rows[0] as Command, { page, line })
      })
    }
  }

  it('each row says how some line is run', () => {
    const lines = PAGES.flatMap(linesIn)
    const idle = COMMANDS.filter(({ fits }) => !lines.some((line) => fits.test(line)))
    assert.deepEqual(
      idle.map(({ fits }) => fits.source),
      [],
    )
  })

  async function hold(row: Command, { line }: Printed): Promise<void> {
    if ('elsewhere' in row) {
      for (const { file, text } of row.elsewhere) {
        assert.ok(existsSync(join(packageRoot, file)), `${file} is gone`)
        assert.ok(readFileSync(join(packageRoot, file), 'utf8').includes(text), `${file} has no «${text}»`)
      }
      if (row.script !== undefined) assertScript(row.script)
      return
    }
    const { said, exit } = await run(row.instead?.(line) ?? line, row)
    assert.match(said, row.says)
    if (row.streams) assert.equal(exit, 'stopped', said)
    else assert.equal(exit, row.exit ?? 0, said)
  }

  /** As printed, but for hosts and ports. */
  async function run(printed: string, row: Run): Promise<{ said: string; exit: number | string }> {
    const command = printed
      .replaceAll('https://streams.example.com', gateway.url)
      .replaceAll('http://127.0.0.1:8080', gateway.url)
      .replaceAll('http://127.0.0.1:8081', gateway.controlUrl)
    const dataDir = row.ownData === true ? scratchFolder('docs-data') : gateway.dataDir
    // What is compiled once need not be again.
    if (row.ownData === true) cpSync(join(gateway.dataDir, 'plans'), join(dataDir, 'plans'), { recursive: true })
    const child = spawn('/bin/bash', ['-o', 'pipefail', '-c', command], {
      cwd: row.inCheckout === true ? packageRoot : folder,
      detached: true,
      timeout: RUN_MS_MAX,
      env: {
        PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}`,
        HOME: folder,
        TOKEN: token,
        WEIR_TOKEN: token,
        ...(row.serves === true && { WEIR_LISTEN_HOST: '127.0.0.1', WEIR_LISTEN_PORT: '0', WEIR_CONTROL_PORT: '0' }),
        WEIR_DATADIR: dataDir,
      },
    })
    let said = ''
    let stopped = false
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (row.streams !== true || stopped || !row.says.test(said)) return
        stopped = true
        process.kill(-(child.pid as number), 'SIGKILL')
      })
    }
    await once(child, 'close')
    return { said, exit: stopped ? 'stopped' : (child.exitCode ?? String(child.signalCode)) }
  }
})

function assertScript(name: string): void {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    scripts: { [name: string]: string }
  }
  const script = scripts[name] ?? assert.fail(`package.json has no script ${name}`)
  for (const [, built] of script.matchAll(/dist\/(\S+)\.js/g)) {
    assert.ok(existsSync(join(packageRoot, `${built}.ts`)), `${name} runs ${built}, which is gone`)
  }
}

/** The lines of all fenced `sh` blocks. */
function linesIn(page: string): readonly string[] {
  const text = readFileSync(join(packageRoot, page), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
    (block as string)
      .replaceAll(/ *\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.replace(/(^|\s+)# .*$/, '').trim())
      .filter((line) => line !== ''),
  )
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(join(packageRoot, folder)).map((name) => join(folder, name))
}
