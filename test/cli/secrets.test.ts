import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../gateway/package.ts'
import { scratchFolder } from '../services/scratch.ts'
import { redisUrl } from '../services/use.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))
/** Part of every secret that is set: none of it may be read anywhere. */
const SECRET = 'geheim-4711'
/** Long enough to be turned away by what it logs in to. */
const START_MS = 5_000

describe('secrets', { concurrency: 2 }, () => {
  const folder = scratchFolder('secrets')
  let closing: Server
  before(async () => {
    // Something that takes a login and hangs up: drivers then tell what they were at.
    closing = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.destroy())
    }).listen(0, '127.0.0.1')
    await once(closing, 'listening')
    writeFileSync(join(folder, 'secret'), `${SECRET}-file\n`)
    writeFileSync(join(folder, 'redis'), `redis://nobody:${SECRET}-redis@127.0.0.1:9\n`)
    writeFileSync(join(folder, 'database'), `postgres://weir:${SECRET}-database@127.0.0.1:9/weir\n`)
    writeFileSync(join(folder, 'odd'), `mysql://weir:${SECRET}-odd@127.0.0.1\n`)
  })
  after(() => closing.close())

  const at = (): string => `127.0.0.1:${(closing.address() as AddressInfo).port}`
  const specs = join(packageRoot, 'specs/earthquakes')
  const plain = (more: string): string => `sasl: { mechanism: plain, username: weir${more} }`
  const oauth = (): string =>
    `sasl: { mechanism: oauthbearer, tokenEndpoint: "http://${at()}/token", clientId: weir, clientSecretFile: secret }`
  const cluster = (sasl: string): string =>
    `clusters: { main: { brokers: ["${at()}"], ${sasl} } }\nusage: { cluster: main }`

  /** Where secrets come from, right and wrong, and what is then said of them. */
  const settings: {
    readonly [name: string]: () => { readonly yaml: string; readonly env?: { readonly [name: string]: string } }
  } = {
    'files of their own': () => ({
      yaml: `${cluster(plain(', passwordFile: secret'))}\nredis: { urlFile: redis }`,
    }),
    'a file for the database': () => ({ yaml: 'database: { urlFile: database }' }),
    'a client’s secret at a token endpoint': () => ({ yaml: cluster(oauth()) }),
    'the environment': () => ({
      yaml: cluster(plain('')),
      env: {
        WEIR_CLUSTERS_MAIN_SASL_PASSWORD: `${SECRET}-env`,
        WEIR_REDIS_URL: redisUrl().replace('redis://', `redis://nobody:${SECRET}-env@`),
      },
    }),
    'the environment, for the database': () => ({
      yaml: '{}',
      env: { WEIR_DATABASE_URL: `postgres://weir:${SECRET}-env@${at()}/weir` },
    }),
    'the environment, with a slip': () => ({
      yaml: '{}',
      env: {
        WEIR_DATABASE_URL: `postgres:/weir:${SECRET}@db`,
        WEIR_REDIS_URL: `http://:${SECRET}@db`,
        WEIR_CLUSTERS_MAIN_SASL: SECRET,
      },
    }),
    'a file with a slip': () => ({ yaml: 'database: { urlFile: odd }\nredis: { urlFile: secret }' }),
    'the configuration itself, where they are refused': () => ({
      yaml: `${cluster(plain(`, password: ${SECRET}`))}\nredis: { url: "redis://:${SECRET}@db" }\ndatabase: { url: "postgres://db/weir?password=${SECRET}" }`,
    }),
    'the wrong place': () => ({ yaml: `${cluster(`sasl: ${SECRET}`)}\nredis: ${SECRET}\ndatabase: [${SECRET}]` }),
  }
  const commands = [
    ['config'],
    ['check', '--json'],
    ['start', '--json'],
    ['token', '--consumer', 'acme', '--json'],
    ['usage', 'report', '--period', '2026-11', '--json'],
  ]

  for (const [from, make] of Object.entries(settings)) {
    it(`that come from ${from} are in no output of any command, at the most talkative`, async () => {
      const { yaml, env = {} } = make()
      const file = `${from.replaceAll(/\W/g, '-')}.yaml`
      writeFileSync(join(folder, file), `specs: ["${specs}"]\n${yaml}\n`)
      const dataDir = scratchFolder('secrets-data')
      for (const command of commands) {
        const said = await outputOf([...command, '--config', file], { WEIR_DATADIR: dataDir, ...env })
        assert.notEqual(said, '', command.join(' '))
        assert.ok(!said.includes(SECRET), `weir ${command.join(' ')} said ${said}`)
        assert.ok(!said.includes(Buffer.from(SECRET).toString('base64').slice(0, 12)), command.join(' '))
      }
    })
  }

  it('that come as a token are in no words of weir tail', async () => {
    const said = await outputOf(['tail', `http://${at()}/streams/a/b`], { WEIR_TOKEN: `${SECRET}.a.b` })
    assert.ok(said !== '' && !said.includes(SECRET), said)
  })

  /** Everything that a command says; that of `start` for a while. */
  async function outputOf(args: readonly string[], env: { readonly [name: string]: string }): Promise<string> {
    const free = {
      WEIR_LISTEN_HOST: '127.0.0.1',
      WEIR_LISTEN_PORT: '0',
      WEIR_CONTROL_PORT: '0',
      WEIR_LOG_LEVEL: 'debug',
    }
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...free, ...env },
      ...(args[0] === 'start' && { timeout: START_MS, killSignal: 'SIGKILL' }),
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    await once(child, 'close')
    return said
  }
})
