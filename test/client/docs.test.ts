import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Frame, State } from '../../client/follow.ts'
import { packageRoot } from '../../gateway/package.ts'
import { scratchFolder } from '../services/scratch.ts'
import { records, ScriptedGateway, SUBSCRIBED, type Act } from '../suites/client/scriptedGateway.ts'

const PRINTED_URL = 'https://streams.example.com/streams/earthquakes/events'
const page = readFileSync(join(packageRoot, 'docs/client.md'), 'utf8')
/** Brings three records and then says that there will be no more. */
const RETIRING: Act = (scene) => {
  scene.send(SUBSCRIBED, ...records(1, 3))
  scene.closing(4410, 'retired', { detail: 'Its successor is quakes-2.' })
}

describe('docs/client.md, as printed', () => {
  const folder = scratchFolder('client-docs')
  const installed = join(folder, 'node_modules/weir-client')
  const gateways: ScriptedGateway[] = []
  before(() => install(installed))
  after(async () => {
    for (const gateway of gateways) await gateway.close()
  })

  it('the first example shows each record with a token that it gets', async () => {
    const gateway = await play()
    const shown: unknown[] = []
    Object.assign(globalThis, { getToken: async () => 'fresh', show: (data: unknown) => shown.push(data) })
    await assert.rejects(load('first', gateway), { name: 'WeirError', code: 'retired' })
    assert.deepEqual(shown, [{ n: 1 }, { n: 2 }, { n: 3 }])
    assert.deepEqual(gateway.tokens, ['fresh'])
  })

  it('what is stored says where to go on', async () => {
    const gateway = await play()
    const saved: Frame[] = []
    const store = { cursor: async () => 'w1.stored', save: async (frame: Frame) => void saved.push(frame) }
    const { run } = await load('stored', gateway)
    await assert.rejects(run?.(store, gateway.url, 'T') as Promise<unknown>)
    assert.deepEqual(
      saved.map(({ cursor }) => cursor),
      ['w1.1', 'w1.2', 'w1.3'],
    )
    assert.deepEqual(gateway.froms, ['w1.stored'])
  })

  it('the lamp says what becomes of the stream', async () => {
    const gateway = await play()
    const texts: State['state'][] = []
    const lamp = {
      set text(text: State['state']) {
        texts.push(text)
      },
    }
    const loaded = await load('watched', gateway)
    const stop = new AbortController()
    const frames = loaded['watch']?.(gateway.url, 'T', lamp, stop.signal)
    for await (const frame of frames as AsyncIterable<Frame>) {
      if (frame.type === 'record') stop.abort()
    }
    assert.deepEqual(texts, ['connecting', 'open', 'ended'])
    const { where, fields } = Object.fromEntries(gateway.asked[0]?.query ?? [])
    assert.deepEqual([where, fields], ['magnitude=ge=4.5', 'id,magnitude'])
  })

  it('an error says what it is, what to do and where to go on', async () => {
    const gateway = await play()
    const taken: Frame[] = []
    const loaded = await load('errors', gateway)
    const said = await loaded['records']?.({ url: gateway.url, token: 'T' }, (frame: Frame) => taken.push(frame))
    assert.equal(taken.length, 3)
    assert.match(String(said), /^retired \(4410\): Its successor is quakes-2\. .*successor.* Go on from w1\.3\.$/)
  })

  it('no example is printed that is not tried here', () => {
    const names = [...page.matchAll(/^```js (\w+)$/gm)].map(([, name]) => name)
    assert.deepEqual(names, ['first', 'stored', 'watched', 'errors'])
    assert.equal([...page.matchAll(/^```\w/gm)].length, names.length)
  })

  it('it is as small as it is said to be, and has types for each module', () => {
    const files = readdirSync(join(installed, 'dist')).filter((name) => name.endsWith('.js'))
    const bytes = files.map((name) => readFileSync(join(installed, 'dist', name)))
    const sizes = [bytes, bytes.map((one) => gzipSync(one))].map(
      (all) => all.reduce((sum, { length }) => sum + length, 0) / 1000,
    )
    const [, plain, compressed] = /: (\d+) KB, (\d+) KB of them compressed/.exec(page) ?? []
    console.log(`the client: ${sizes.join(' KB, gz ')} KB`)
    for (const [at, printed] of [plain, compressed].entries()) {
      assert.ok(Math.abs((sizes[at] ?? 0) - Number(printed)) < 2, `${printed} KB printed, there are ${sizes[at]}`)
    }
    assert.ok(files.every((name) => existsSync(join(installed, 'dist', name.replace(/js$/, 'd.ts')))))
  })

  async function play(): Promise<ScriptedGateway> {
    const gateway = await ScriptedGateway.play(RETIRING)
    gateways.push(gateway)
    return gateway
  }

  /** The block of that name, letter by letter but for the address. */
  async function load(
    name: string,
    { url }: ScriptedGateway,
  ): Promise<{ [name: string]: (...args: unknown[]) => unknown }> {
    const block = new RegExp('^```js ' + name + '\\n(.*?)^```$', 'ms').exec(page)?.[1]
    if (block === undefined) throw new Error(`docs/client.md has no block ${name}`)
    const file = join(folder, `${name}.mjs`)
    writeFileSync(file, block.replace(PRINTED_URL, url))
    return (await import(pathToFileURL(file).href)) as { [name: string]: (...args: unknown[]) => unknown }
  }
})

/** As the package manager would: what `npm pack` takes, compiled without Node's types, under its name. */
function install(target: string): void {
  mkdirSync(target, { recursive: true })
  const compiler = join(packageRoot, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', join(packageRoot, 'client/tsconfig.json'), '--outDir', join(target, 'dist')]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
  copyFileSync(join(packageRoot, 'client/package.json'), join(target, 'package.json'))
  symlinkSync(join(packageRoot, 'node_modules/ws'), join(target, '../ws'))
}
