import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDevelopmentIssuer } from '../../../gateway/access/developmentIssuer.ts'
import { systemClock } from '../../../gateway/clock.ts'
import { loadConfig } from '../../../gateway/config.ts'
import { formatProblem } from '../../../gateway/config/problem.ts'
import { startGateway, type Gateway } from '../../../gateway/gateway.ts'
import { MemoryLog } from '../../access/support.ts'
import { GatewayProcess } from '../../integration/support/gatewayProcess.ts'
import { scratchFolder } from '../../services/scratch.ts'

/** A case shows that a key changes what the gateway, or the part that it is for, does. */
export interface Own {
  readonly it: string
  readonly run: () => void | Promise<void>
}

/** What another test shows: its file has a test of this title, and names the key. */
export interface Linked {
  readonly file: string
  readonly title: string
  /** As the file writes the key, where that is not its last step. */
  readonly as?: string
}

export type Cases = { readonly [key: string]: Own | Linked }

export const RECORDS = 20
/** The first record is larger than the others: in bytes. */
export const BIG_BYTES = 3_000

export const DOCUMENT = `asyncapi: 3.0.0
info:
  title: Quakes
  version: 1.0.0
  description: A product that exists to be larger than a kilobyte as a document. ${'x'.repeat(300)}
  x-data-product:
    id: quakes
    owner: { team: seismology, email: seismology@example.org }
    visibility: public
    access: open
    lifecycle: released
    defaultPlan: free
    plans:
      - { name: free, price: "0", priceCurrency: EUR, billingDuration: month, windows: [{ per: P1D, messages: 1000000000 }] }
      - { name: pro, price: "9.00", priceCurrency: EUR, billingDuration: month, windows: [{ per: P1D, messages: 7000000000 }] }
servers: { main: { host: "kafka:9092", protocol: kafka } }
channels:
  events:
    address: quakes
    messages: { quake: { payload: { type: object } } }
    bindings: { kafka: { topic: quakes, partitions: 1 } }
    x-data-product: { expose: read }
operations: { publish: { action: send, channel: { $ref: "#/channels/events" } } }
`

/** A whole gateway in this process, on a small product of its own, as `weir.yaml` has it. */
export class KeyWorld {
  readonly folder: string
  readonly log: MemoryLog
  readonly gateway: Gateway
  readonly stream: string

  private constructor(folder: string, log: MemoryLog, gateway: Gateway, url: string) {
    this.folder = folder
    this.log = log
    this.gateway = gateway
    this.stream = `${url}/streams/quakes/events`
  }

  /** `address`: where it is reached, where that is not what it says of itself. `like`: one that has compiled the product already. */
  static async start(yaml: string, address?: string, like?: KeyWorld): Promise<KeyWorld> {
    const folder = scratchFolder('keys')
    writeProduct(folder)
    if (like) cpSync(like.plans, join(folder, 'data/plans'), { recursive: true })
    writeFileSync(join(folder, 'weir.yaml'), yaml)
    // A compiled plan counts for the very file that it was made of.
    const specs = like && { WEIR_SPECS: join(like.folder, 'products') }
    const free = address === undefined && {
      WEIR_LISTEN_HOST: '127.0.0.1',
      WEIR_LISTEN_PORT: '0',
      WEIR_CONTROL_PORT: '0',
    }
    const { config, problems } = loadConfig({ env: { ...specs, ...free }, cwd: folder })
    if (config === null) throw new Error(problems.map(formatProblem).join('\n'))
    const log = new MemoryLog()
    const gateway = await startGateway(config, { clock: systemClock, log })
    if (gateway.products.length === 0) throw new Error(JSON.stringify(log.lines))
    return new KeyWorld(folder, log, gateway, address ?? gateway.url)
  }

  /** The product, compiled. */
  get plans(): string {
    return join(this.folder, 'data/plans')
  }

  /** A process of its own that serves the same. */
  async process(config: object): Promise<GatewayProcess> {
    const dataDir = scratchFolder('keys')
    cpSync(this.plans, join(dataDir, 'plans'), { recursive: true })
    return GatewayProcess.start({ specs: join(this.folder, 'products'), dataDir, config })
  }

  async token(consumer = 'acme'): Promise<string> {
    const issuer = await openDevelopmentIssuer(join(this.folder, 'data'), systemClock)
    return (await issuer.issueToken({ consumer, ttlMs: 3_600_000 })).token
  }

  /** A page, by a token of the development issuer where none is given. */
  async page(query: string, token?: string, headers: { readonly [name: string]: string } = {}): Promise<Response> {
    const authorization = `Bearer ${token ?? (await this.token())}`
    return fetch(`${this.stream}?${query}`, { headers: { authorization, ...headers } })
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.gateway.controlUrl}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  }
}

/** The product, and what is played of it. */
export function writeProduct(folder: string): void {
  mkdirSync(join(folder, 'products'), { recursive: true })
  writeFileSync(join(folder, 'products/quakes.yaml'), DOCUMENT)
  const lines = Array.from({ length: RECORDS }, (_, n) =>
    JSON.stringify({
      key: `k${n}`,
      time: '2026-01-01T00:00:00Z',
      value: { n, pad: 'x'.repeat(n === 0 ? BIG_BYTES : 500) },
    }),
  )
  writeFileSync(join(folder, 'products/quakes.events.ndjson'), `${lines.join('\n')}\n`)
}
