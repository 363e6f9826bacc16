import { spawn } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Browser } from 'playwright-core'
import { packageRoot } from '../../../gateway/package.ts'
import { pythonWithClients } from '../../services/python.ts'
import { scratchFolder } from '../../services/scratch.ts'
import type { Frame } from './sse.ts'

export type RecipeName = 'browser' | 'node' | 'python' | 'eventsource'

/** A program of docs/reconnect.md at work, as a partner would have started it. */
export class Recipe {
  /** What its handlers were called with, in order; last a frame `threw`, should `follow` end. */
  readonly frames: Frame[] = []
  /** How often it asked for a token. */
  tokens = 0
  stop: () => unknown = () => {}

  ids(): string[] {
    return this.frames.filter(({ type }) => type === 'record').map((frame) => frame['id'] as string)
  }

  of(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }
}

/** What a test sets of the world in which the program runs; the program stays as it is printed. */
export interface Tuning {
  /** Its every random number. */
  readonly random?: number
  /** What 45 s last. */
  readonly silenceMs?: number
}

export interface RecipeOptions extends Tuning {
  /** Of the stream, http:. */
  readonly url: string
  readonly from: string
  readonly token: () => string
  readonly browser: () => Promise<Browser>
}

/** Starts the block of that name, letter by letter as it is printed. */
export async function startRecipe(name: RecipeName, recipe: Recipe, options: RecipeOptions): Promise<void> {
  if (name === 'browser') await inBrowser(recipe, options)
  else inChild(recipe, name, options)
}

/** The fenced block whose info string ends with the name, or is it. */
export function printed(name: RecipeName): string {
  const page = readFileSync(join(packageRoot, 'docs/reconnect.md'), 'utf8')
  const blocks = [...page.matchAll(/^```(?:js )?(\w+)\n(.*?)^```$/gms)].filter(([, info]) => info === name)
  if (blocks.length !== 1) throw new Error(`docs/reconnect.md has ${blocks.length} blocks named ${name}`)
  return blocks[0]?.[2] as string
}

const TYPES = ['record', 'invalid', 'gap', 'paused', 'closing', 'authenticated']

/** Handlers that take their time, and tell of a second call before the first is done. */
const HANDLERS = `const later = () => new Promise((resolve) => setTimeout(resolve, 0))
let busy = false
const take = async (frame) => {
  if (busy) await tell({ type: 'hurried' })
  busy = true
  await later()
  await tell(frame)
  busy = false
}
const on = Object.fromEntries(${JSON.stringify(TYPES)}.map((type) => [type, take]))`

function tuned({ random, silenceMs }: Tuning): string {
  const number = random === undefined ? '' : `Math.random = () => ${random}\n`
  if (silenceMs === undefined) return number
  return `${number}const timer = setTimeout
globalThis.setTimeout = (run, ms, ...args) => timer(run, ms === 45_000 ? ${silenceMs} : ms, ...args)\n`
}

/** Drivers in a process of their own write a line for each frame, and \`"token"\` for each token, which they read as a line. */
const NODE_DRIVER = `import { createInterface } from 'node:readline'
import { follow } from './recipe.mjs'
const waiting = []
createInterface({ input: process.stdin }).on('line', (token) => waiting.shift()(token))
const tell = (said) => void process.stdout.write(JSON.stringify(said) + '\\n')
const getToken = () => new Promise((resolve) => { waiting.push(resolve); tell('token') })
${HANDLERS}
const [url, from, name] = process.argv.slice(2)
try {
  if (name === 'eventsource') follow(url + '?from=' + from, getToken, on)
  else await follow(url, getToken, on, from)
} catch (error) {
  tell({ type: 'threw', message: error.message })
}
`

const PYTHON_DRIVER = `import asyncio, json, sys
from recipe import follow

def write(said):
    print(json.dumps(said), flush=True)

async def get_token():
    write("token")
    return (await asyncio.to_thread(sys.stdin.readline)).strip()

busy = False

async def take(frame):
    global busy
    if busy:
        write({"type": "hurried"})
    busy = True
    await asyncio.sleep(0)
    write(frame)
    busy = False

async def main(url, start):
    try:
        await follow(url, get_token, {name: take for name in ${JSON.stringify(TYPES)}}, start)
    except RuntimeError as error:
        write({"type": "threw", "message": str(error)})

asyncio.run(main(sys.argv[1], sys.argv[2]))
`

function inChild(recipe: Recipe, name: RecipeName, { url, from, token, ...tuning }: RecipeOptions): void {
  const folder = scratchFolder('recipe')
  const fixed = tuning.random === undefined ? '' : `import random\nrandom.random = lambda: ${tuning.random}\n`
  const [program, driver, extension] =
    name === 'python'
      ? [pythonWithClients(), fixed + PYTHON_DRIVER, 'py']
      : [process.execPath, tuned(tuning) + NODE_DRIVER, 'mjs']
  // Where the packages that a recipe names are found from.
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, `recipe.${extension}`), printed(name))
  writeFileSync(join(folder, `driver.${extension}`), driver)
  const address = name === 'eventsource' ? url : url.replace(/^http/, 'ws')
  const args = [join(folder, `driver.${extension}`), address, from, name]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Frame | 'token'
    if (said !== 'token') return void recipe.frames.push(said)
    recipe.tokens++
    child.stdin.write(`${token()}\n`)
  })
  recipe.stop = async () => {
    child.kill('SIGKILL')
    await gone
  }
}

async function inBrowser(recipe: Recipe, { url, from, token, browser, ...tuning }: RecipeOptions): Promise<void> {
  const page = await (await browser()).newPage()
  recipe.stop = () => page.close()
  await page.exposeFunction('getToken', () => {
    recipe.tokens++
    return token()
  })
  await page.exposeFunction('tell', (frame: Frame) => void recipe.frames.push(frame))
  const module = `data:text/javascript,${encodeURIComponent(printed('browser'))}`
  const address = url.replace(/^http/, 'ws')
  await page.evaluate(`void (async () => {
    ${tuned(tuning)}
    ${HANDLERS}
    const { follow } = await import(${JSON.stringify(module)})
    try { await follow(${JSON.stringify(address)}, getToken, on, ${JSON.stringify(from)}) }
    catch (error) { await tell({ type: 'threw', message: error.message }) }
  })()`)
}
