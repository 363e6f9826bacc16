import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDevelopmentIssuer } from '../../../gateway/access/developmentIssuer.ts'
import { systemClock } from '../../../gateway/clock.ts'
import { packageRoot } from '../../../gateway/package.ts'
import { startChild, untilReady, type Child } from '../../services/child.ts'
import { scratchFolder } from '../../services/scratch.ts'

export const MAIN: string = fileURLToPath(new URL('../../../gateway/main.js', import.meta.url))
const EARTHQUAKES = join(packageRoot, 'specs/earthquakes/earthquakes.yaml')
const READY_MS_MAX = 30_000
const CONSUMER = 'partner'

export interface Settings {
  readonly brokers?: readonly string[]
  /** Of the copy of the earthquakes document that is served. */
  readonly topic?: string
  readonly limits?: { readonly [name: string]: number }
  readonly playbackPerSecond?: number
  /** Gateways of one world share it: the development issuer's keys lie there. */
  readonly dataDir?: string
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
    const config = join(folder, 'weir.yaml')
    writeFileSync(config, JSON.stringify(configOf(settings, folder, dataDir)))
    const log = join(folder, 'log.txt')
    const args = ['--enable-source-maps', MAIN, 'start', '--json', '--config', config]
    const child = startChild({ command: process.execPath, args, log, cwd: folder })
    const summary = await untilReady('the gateway', child, READY_MS_MAX, async () => summaryIn(log))
    return new GatewayProcess(child, log, dataDir, summary)
  }

  get stream(): string {
    return `${this.url}/streams/earthquakes/events`
  }

  /** A token of the development issuer, on the plan without a short horizon. */
  async token(ttlMs = 3_600_000): Promise<string> {
    const issuer = await openDevelopmentIssuer(this.dataDir, systemClock)
    return (await issuer.issueToken({ consumer: CONSUMER, ttlMs })).token
  }

  /** What a scrape says of a metric with these labels (`{why="socket"}`); 0 where it says nothing. */
  async metric(name: string, labels = ''): Promise<number> {
    const text = await (await fetch(`${this.controlUrl}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`${name}${labels} `))
    return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
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
  const { brokers, topic, limits, playbackPerSecond } = settings
  return {
    listen: { host: '127.0.0.1', port: 0 },
    control: { host: '127.0.0.1', port: 0 },
    specs: [topic === undefined ? join(packageRoot, 'specs/earthquakes') : specsWith(topic, folder)],
    dataDir,
    ...(brokers && { clusters: { main: { brokers } } }),
    ...(limits && { limits }),
    ...(playbackPerSecond && { playback: { recordsPerSecond: playbackPerSecond } }),
    consumers: [{ id: CONSUMER, agreements: [{ product: 'earthquakes', plan: 'pro' }] }],
  }
}

/** The team's own document, but for the topic, which belongs to one test. */
function specsWith(topic: string, folder: string): string {
  const specs = join(folder, 'specs')
  mkdirSync(specs)
  const text = readFileSync(EARTHQUAKES, 'utf8').replaceAll('topic: quakes.events.v1', `topic: ${topic}`)
  if (!text.includes(`topic: ${topic}\n`)) throw new Error('the document does not name its topic as expected')
  writeFileSync(join(specs, 'earthquakes.yaml'), text)
  return specs
}
