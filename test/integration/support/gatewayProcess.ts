import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDevelopmentIssuer } from '../../../gateway/access/developmentIssuer.ts'
import { systemClock } from '../../../gateway/clock.ts'
import { packageRoot } from '../../../gateway/package.ts'
import { startChild, untilReady, type Child } from '../../services/child.ts'
import { scratchFolder } from '../../services/scratch.ts'

export const MAIN: string = fileURLToPath(new URL('../../../gateway/main.js', import.meta.url))
const EARTHQUAKES = join(packageRoot, 'specs/earthquakes/earthquakes.yaml')
const READY_MS_MAX = 60_000
const CONSUMER = 'partner'

export interface Settings {
  readonly brokers?: readonly string[]
  /** Of the copy of the earthquakes document that is served. */
  readonly topic?: string
  /** A folder of documents of the test's own, in place of that one. */
  readonly specs?: string
  readonly limits?: { readonly [name: string]: number }
  readonly playbackPerSecond?: number
  /** Of a process that has ended: this one goes on there. */
  readonly dataDir?: string
  /** Terms of the plan `pro`, in place of the team's. */
  readonly terms?: Terms
  /** Keys of the configuration beside these. */
  readonly config?: object
  /** Variables beside ours. */
  readonly env?: { readonly [name: string]: string }
  /** Arguments of `weir start` beside ours. */
  readonly args?: readonly string[]
  /** A script that is started in place of ours, and understands the same arguments. */
  readonly main?: string
  /** Arguments of node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[]
  /** Consumers on the plan `pro`. */
  readonly consumers?: readonly string[]
  /** A process whose development issuer's tokens count here, too. */
  readonly issuer?: Pick<GatewayProcess, 'dataDir'>
}

/** A real gateway: `weir start` in a process of its own, with a configuration of the test's. */
export class GatewayProcess {
  readonly child: Child
  readonly url: string
  readonly controlUrl: string
  readonly dataDir: string
  readonly #log: string

  private constructor(child: Child, log: string, dataDir: string, summary: Summary) {
    this.child = child
    this.#log = log
    this.dataDir = dataDir
    this.url = summary.url
    this.controlUrl = summary.controlUrl
  }

  static async start(settings: Settings = {}): Promise<GatewayProcess> {
    const folder = scratchFolder('gateway')
    const dataDir = settings.dataDir ?? join(folder, 'data')
    const keys = 'development-issuer'
    if (settings.issuer) cpSync(join(settings.issuer.dataDir, keys), join(dataDir, keys), { recursive: true })
    const config = join(folder, 'weir.yaml')
    writeFileSync(config, JSON.stringify(configOf(settings, folder, dataDir)))
    const log = join(folder, 'log.txt')
    const own = ['start', '--json', '--config', config, ...(settings.args ?? [])]
    const args = ['--enable-source-maps', ...(settings.nodeArgs ?? []), settings.main ?? MAIN, ...own]
    const child = startChild({
      command: process.execPath,
      args,
      log,
      cwd: folder,
      ...(settings.env && { env: { ...process.env, ...settings.env } }),
    })
    const summary = await untilReady('the gateway', child, READY_MS_MAX, async () => summaryIn(log))
    return new GatewayProcess(child, log, dataDir, summary)
  }

  get stream(): string {
    return `${this.url}/streams/earthquakes/events`
  }

  /** A token of the development issuer, on the plan without a short horizon. */
  async token(ttlMs = 3_600_000, consumer = CONSUMER): Promise<string> {
    const issuer = await openDevelopmentIssuer(this.dataDir, systemClock)
    return (await issuer.issueToken({ consumer, ttlMs })).token
  }

  /** What a scrape says of a metric with these labels (`{why="socket"}`); 0 where it says nothing. */
  async metric(name: string, labels = ''): Promise<number> {
    const line = (await this.#scrape()).find((one) => one.startsWith(`${name}${labels} `))
    return line === undefined ? 0 : valueOf(line)
  }

  /** The same over all labels: of all workers, where there are several. */
  async total(name: string): Promise<number> {
    const lines = (await this.#scrape()).filter((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
    return lines.reduce((sum, line) => sum + valueOf(line), 0)
  }

  async #scrape(): Promise<readonly string[]> {
    return (await (await fetch(`${this.controlUrl}/metrics`)).text()).split('\n')
  }

  /** Lines of its log, parsed. */
  log(): { readonly [field: string]: unknown }[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n').slice(0, -1)
    return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as { [field: string]: unknown }] : []))
  }

  /** Resolves when it is gone, with how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<string> {
    await this.child.stop(signal)
    return this.child.ended
  }
}

function valueOf(line: string): number {
  return Number(line.slice(line.lastIndexOf(' ') + 1))
}

interface Summary {
  readonly url: string
  readonly controlUrl: string
}

function summaryIn(log: string): Summary | null {
  const line = readFileSync(log, 'utf8')
    .split('\n')
    .find((one) => one.startsWith('{"url"'))
  return line === undefined ? null : (JSON.parse(line) as Summary)
}

function configOf(settings: Settings, folder: string, dataDir: string): object {
  const { brokers, topic, specs, limits, playbackPerSecond, terms, config, consumers = [CONSUMER] } = settings
  return {
    listen: { host: '127.0.0.1', port: 0 },
    control: { host: '127.0.0.1', port: 0 },
    specs: [specs ?? (topic === undefined ? join(packageRoot, 'specs/earthquakes') : specsWith(topic, folder, terms))],
    dataDir,
    ...(brokers && { clusters: { main: { brokers } } }),
    ...(limits && { limits }),
    ...(playbackPerSecond && { playback: { recordsPerSecond: playbackPerSecond } }),
    consumers: consumers.map((id) => ({ id, agreements: specs ? [] : [{ product: 'earthquakes', plan: 'pro' }] })),
    ...config,
  }
}

/** The team's own document, but for the topic, which belongs to one test, and for the places of a plan, of which a crowd takes more. */
function specsWith(topic: string, folder: string, terms: Terms | undefined): string {
  const specs = join(folder, 'specs')
  mkdirSync(specs)
  const text = readFileSync(EARTHQUAKES, 'utf8')
    .replaceAll('topic: quakes.events.v1', `topic: ${topic}`)
    .replace('connections: 20\n', 'connections: 5000\n')
    .replace('subscriptions: 100\n', 'subscriptions: 5000\n')
    .replace(...termsOf(terms))
  if (!text.includes(`topic: ${topic}\n`)) throw new Error('the document does not name its topic as expected')
  writeFileSync(join(specs, 'earthquakes.yaml'), text)
  return specs
}

export interface Terms {
  /** As the document writes them: `{ per: PT1M, messages: 500 }`. */
  readonly windows: string
  readonly onLimit: 'pause' | 'close'
  readonly onRedisLoss?: 'local' | 'pause'
}

const PRO_WINDOWS = /windows:\n( +- \{ per: P1M.*\n)( +- \{ per: PT1M.*\n)([^]*?)onLimit: overage\n/

function termsOf(terms: Terms | undefined): [RegExp, string] {
  if (terms === undefined) return [/$^/, '']
  const { windows, onLimit, onRedisLoss = 'local' } = terms
  return [PRO_WINDOWS, `windows: [${windows}]\n$3onRedisLoss: ${onRedisLoss}\n        onLimit: ${onLimit}\n`]
}
