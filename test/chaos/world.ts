import { join } from 'node:path'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { openDevelopmentIssuer } from '../../gateway/access/developmentIssuer.ts'
import { systemClock } from '../../gateway/clock.ts'
import { GatewayProcess } from '../integration/support/gatewayProcess.ts'
import { startKafka, type KafkaCluster } from '../services/kafka.ts'
import { freePorts, scratchFolder } from '../services/scratch.ts'
import { Toxiproxy, type Link } from '../services/toxiproxy.ts'
import { PRODUCT, streamOf, writeSpecs } from './document.ts'
import { ReadBack } from './readBack.ts'

/** Whether gateways reach the brokers themselves, or each over a proxy. */
export type Road = 'direct' | 'proxied'

const GATEWAYS = 2
const PROXIED = 'PROXIED'
/** Tails come and go within a run, too. */
const LIMITS = { lingerMs: 2000 }

/** One gateway and the proxy through which clients reach it, on an address that outlives the process. */
export class Door {
  readonly link: Link
  readonly #start: () => Promise<GatewayProcess>
  #gateway: GatewayProcess

  constructor(link: Link, gateway: GatewayProcess, start: () => Promise<GatewayProcess>) {
    this.link = link
    this.#gateway = gateway
    this.#start = start
  }

  streamUrl(run: number): string {
    return `http://${this.link.address}/streams/${PRODUCT}/${streamOf(run)}`
  }

  get gateway(): GatewayProcess {
    return this.#gateway
  }

  /** Ends the process as a crash would; clients that come meanwhile find nobody. */
  async crash(): Promise<void> {
    await this.#gateway.stop('SIGKILL')
  }

  async restart(): Promise<void> {
    this.#gateway = await this.#start()
    await this.link.to(hostOf(this.#gateway.url))
  }
}

/**
 * A cluster of three brokers, two gateway processes before it, proxies that spoil connections on both sides of them, and a reader that knows nothing
 * of them. Each run of a fault takes a topic and a stream of its own.
 */
export class World {
  readonly kafka: KafkaCluster
  readonly admin: Admin
  readonly readBack: ReadBack
  /** By node id: between gateways on the proxied road and that broker. */
  readonly brokerLinks: readonly Link[]
  readonly #toxiproxy: Toxiproxy
  readonly #topics: readonly string[]
  readonly #specs: string
  readonly #dataDir = scratchFolder('data')
  readonly #doors = new Map<Road, Promise<Door[]>>()
  #taken = 0

  private constructor(kafka: KafkaCluster, admin: Admin, toxiproxy: Toxiproxy, links: Link[], runs: number) {
    this.kafka = kafka
    this.admin = admin
    this.#toxiproxy = toxiproxy
    this.brokerLinks = links
    this.readBack = new ReadBack(kafka.brokers)
    this.#topics = Array.from({ length: runs }, (_, run) => `chaos.${run}`)
    this.#specs = writeSpecs(this.#topics)
  }

  /** For so many runs. */
  static async start(runs: number): Promise<World> {
    const toxiproxy = await Toxiproxy.start()
    const kafka = await startKafka({
      brokers: 3,
      listeners: { [PROXIED]: 'PLAINTEXT' },
      proxied: [PROXIED],
      settings: { 'unclean.leader.election.interval.ms': 500 },
    })
    const upstreams = kafka.listener(PROXIED)
    const links = await Promise.all(
      kafka
        .advertised(PROXIED)
        .map((address, id) => toxiproxy.add(`broker-${id}`, portOf(address), upstreams[id] as string)),
    )
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING, retry: { retries: 20 } }).admin()
    await admin.connect()
    return new World(kafka, admin, toxiproxy, links, runs)
  }

  /** The next topic that nobody has used, and its number. */
  take(): { readonly run: number; readonly topic: string } {
    const run = this.#taken++
    const topic = this.#topics[run]
    if (topic === undefined) throw new Error(`the world was started for ${this.#topics.length} runs`)
    return { run, topic }
  }

  /** The two gateways on a road; started when they are first asked for. */
  doors(road: Road): Promise<Door[]> {
    const doors = this.#doors.get(road) ?? this.#open(road)
    this.#doors.set(road, doors)
    return doors
  }

  /** Good at every gateway. */
  async token(): Promise<string> {
    const [first] = [...this.#doors.values()]
    return (await first)![0]!.gateway.token()
  }

  async stop(): Promise<void> {
    for (const doors of this.#doors.values())
      for (const { gateway } of await doors.catch(() => [])) await gateway.stop('SIGKILL')
    await this.readBack.stop()
    await this.admin.disconnect()
    await this.#toxiproxy.stop()
    await this.kafka.stop()
  }

  async #open(road: Road): Promise<Door[]> {
    const brokers = road === 'direct' ? this.kafka.brokers : this.kafka.advertised(PROXIED)
    await openDevelopmentIssuer(this.#dataDir, systemClock)
    const issuer = { dataDir: this.#dataDir }
    const doors: Door[] = []
    for (const [i, port] of (await freePorts(GATEWAYS)).entries()) {
      // Killed and started again it goes on in its folder: what it delivered before stands in a journal there.
      const dataDir = join(this.#dataDir, `${road}-${i}`)
      const start = (): Promise<GatewayProcess> =>
        GatewayProcess.start({ brokers, specs: this.#specs, dataDir, issuer, limits: LIMITS })
      const gateway = await start()
      doors.push(new Door(await this.#toxiproxy.add(`${road}-${i}`, port, hostOf(gateway.url)), gateway, start))
    }
    return doors
  }
}

function hostOf(url: string): string {
  return new URL(url).host
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
