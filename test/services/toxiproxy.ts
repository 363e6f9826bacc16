import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../gateway/package.ts'
import { runToEnd, startChild, untilReady, which, type Child } from './child.ts'
import { freePorts, removeFolder, scratchFolder } from './scratch.ts'

const MODULE = 'github.com/Shopify/toxiproxy/v2/cmd/server'
const VERSION = 'v2.12.0'
const FOLDER = join(packageRoot, '.cache/toxiproxy', VERSION)
/** A program that is there already, such as a distribution's. */
const VARIABLE = 'WEIR_TEST_TOXIPROXY'
const BUILD_MS_MAX = 300_000
const READY_MS_MAX = 10_000
/** It waits for what a toxic holds back, for ever where the other end takes nothing; and then whoever asks it waits, too. */
const ANSWER_MS_MAX = 5_000

/** The path of toxiproxy's server: the one that the environment names, else built by Go into .cache/toxiproxy at the first call. Throws where there is neither. */
export function provideToxiproxy(): string {
  const given = process.env[VARIABLE]
  if (given !== undefined && given !== '') return given
  const program = join(FOLDER, 'server')
  if (!existsSync(program)) build()
  return program
}

/** Complete or not there at all: several test processes may come first at once. */
function build(): void {
  if (which('go') === null)
    throw new Error(
      `Some tests break connections by toxiproxy, and go, which builds it, is not there: install Go or set ${VARIABLE}`,
    )
  const draft = `${FOLDER}.${randomUUID()}`
  mkdirSync(draft, { recursive: true })
  try {
    runToEnd('go', ['install', `${MODULE}@${VERSION}`], {
      env: { ...process.env, GOBIN: draft },
      timeout: BUILD_MS_MAX,
    })
    if (!existsSync(FOLDER)) renameSync(draft, FOLDER)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** One way to spoil connections, as toxiproxy's documentation names its kinds and their attributes. */
export interface Toxic {
  readonly type: 'limit_data' | 'reset_peer' | 'bandwidth' | 'slicer' | 'latency' | 'timeout'
  /** `downstream`: what the server says. */
  readonly stream: 'upstream' | 'downstream'
  readonly attributes: { readonly [name: string]: number }
  /** The share of connections that it meets; default all. */
  readonly toxicity?: number
}

interface Known {
  readonly port: number
  upstream: string
  readonly toxics: Map<string, Toxic>
}

/**
 * A real toxiproxy: TCP proxies on loopback whose connections are cut, slowed and reset by its HTTP interface. Where it hangs it is killed
 * and begun anew, with the same proxies: to both sides of them, their connections were cut.
 */
export class Toxiproxy {
  readonly #command = provideToxiproxy()
  readonly #folder = scratchFolder('toxiproxy')
  readonly #api: string
  readonly #port: number
  readonly #known = new Map<string, Known>()
  #child: Child | null = null

  private constructor(port: number) {
    this.#port = port
    this.#api = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<Toxiproxy> {
    const [port] = (await freePorts(1)) as [number]
    const proxy = new Toxiproxy(port)
    await proxy.#begin()
    return proxy
  }

  /** From `port` to `upstream` (host:port). */
  async add(name: string, port: number, upstream: string): Promise<Link> {
    const known: Known = { port, upstream, toxics: new Map() }
    this.#known.set(name, known)
    await this.#create(name, known)
    const at = `/proxies/${name}`
    return {
      address: `127.0.0.1:${port}`,
      to: async (next) => {
        known.upstream = next
        await this.#told('POST', at, { upstream: next })
      },
      spoil: async (id, toxic) => {
        known.toxics.set(id, toxic)
        await this.#told('POST', `${at}/toxics`, { name: id, toxicity: 1, ...toxic })
      },
      mend: async (id) => {
        known.toxics.delete(id)
        await this.#told('DELETE', `${at}/toxics/${id}`)
      },
    }
  }

  async stop(): Promise<void> {
    await this.#child?.stop('SIGKILL')
    removeFolder(this.#folder)
  }

  async #begin(): Promise<void> {
    const child = startChild({
      command: this.#command,
      args: ['-host', '127.0.0.1', '-port', String(this.#port)],
      log: join(this.#folder, 'log.txt'),
      cwd: this.#folder,
      env: { ...process.env, LOG_LEVEL: 'error' },
    })
    this.#child = child
    const version = (): Promise<unknown> => this.#ask('GET', '/version').catch(() => null)
    await untilReady('toxiproxy', child, READY_MS_MAX, version)
    for (const [name, known] of this.#known) await this.#create(name, known)
  }

  async #create(name: string, { port, upstream, toxics }: Known): Promise<void> {
    await this.#ask('POST', '/proxies', { name, listen: `127.0.0.1:${port}`, upstream, enabled: true })
    for (const [id, toxic] of toxics)
      await this.#ask('POST', `/proxies/${name}/toxics`, { name: id, toxicity: 1, ...toxic })
  }

  /** What is asked for holds afterwards, since it is noted before: by the answer, or because all was begun anew. */
  async #told(method: string, path: string, body?: object): Promise<void> {
    try {
      await this.#ask(method, path, body)
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error
      await this.#child?.stop('SIGKILL')
      await this.#begin()
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    const answer = await fetch(this.#api + path, { method, signal, ...(body && { body: JSON.stringify(body) }) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`toxiproxy says ${answer.status} to ${method} ${path}: ${text}`)
    return text || null
  }
}

/** One proxy of a toxiproxy. */
export interface Link {
  /** host:port to connect to. */
  readonly address: string
  /** New connections go to another server. */
  to(upstream: string): Promise<void>
  spoil(id: string, toxic: Toxic): Promise<void>
  mend(id: string): Promise<void>
}
