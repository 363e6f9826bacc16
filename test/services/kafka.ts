import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka as Client, logLevel } from 'kafkajs'
import { type Child, startChild, untilReady } from './child.ts'
import { java, kafkaClassPath } from './kafka/jars.ts'
import { type NodePorts, type Settings, serverProperties } from './kafka/settings.ts'
import { freePorts, removeFolder, scratchFolder } from './scratch.ts'

/**
 * A real Kafka cluster of our own on 127.0.0.1 with an empty log: Java processes, no container. Broker `i` has node id
 * `i`, so that `leader` in metadata is the number to kill. Brokers that are down stay in `brokers`.
 */
export interface KafkaCluster {
  /** host:port by node id. */
  readonly brokers: readonly string[]
  /** host:port by node id of a listener beside the plain one. */
  listener(name: string): readonly string[]
  /** host:port by node id at which clients of a proxied listener look for the brokers. */
  advertised(name: string): readonly string[]
  /** By node id; a restarted broker has a new one. */
  pids(): readonly number[]
  /** Resolves when the process is gone. SIGTERM hands leadership over first. */
  kill(id: number, signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** The broker keeps its connections and answers nothing (SIGSTOP) until `thaw`. */
  freeze(id: number): void
  thaw(id: number): void
  /** Starts a killed broker on its old port and data; resolves when it answers. */
  restart(id: number): Promise<void>
  stop(): Promise<void>
}

export interface KafkaOptions {
  /** Default 1. Three give leader changes. */
  readonly brokers?: 1 | 3
  /** server.properties that win over kafka/settings.ts. */
  readonly settings?: Settings
  /** Listeners beside the plain one that tests write over: name in capitals → PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. */
  readonly listeners?: { readonly [name: string]: string }
  /** Those of them that clients are told to reach at other ports, which are left free: for proxies of the test's. */
  readonly proxied?: readonly string[]
  /** More arguments of `kafka.tools.StorageTool format`, as for SCRAM users. */
  readonly format?: readonly string[]
  /** More arguments of the broker's Java. */
  readonly jvm?: readonly string[]
}

const READY_MS_MAX = 60_000
const JVM = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true']
const LOGGING = ['-Dorg.slf4j.simpleLogger.showDateTime=true', '-Dlog4j2.statusLoggerLevel=OFF']

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const layout = await layOut(options)
  try {
    await Promise.all(layout.nodes.map(format(layout)))
    const cluster = new Cluster(layout)
    await cluster.start()
    return cluster
  } catch (error) {
    removeFolder(layout.folder)
    throw error
  }
}

interface Layout {
  readonly clusterId: string
  readonly folder: string
  readonly nodes: readonly {
    readonly folder: string
    readonly address: string
    readonly more: { readonly [listener: string]: number }
    readonly advertised: { readonly [listener: string]: number }
  }[]
  readonly options: KafkaOptions
}

async function layOut(options: KafkaOptions): Promise<Layout> {
  const { brokers = 1, settings = {}, listeners = {}, proxied = [] } = options
  const names = Object.keys(listeners)
  const free = await freePorts((2 + names.length + proxied.length) * brokers)
  const take = (): number => free.pop() as number
  const named = (all: readonly string[]): { [name: string]: number } =>
    Object.fromEntries(all.map((name) => [name, take()]))
  const ports = Array.from({ length: brokers }, () => ({
    client: take(),
    controller: take(),
    more: named(names),
    advertised: named(proxied),
  })) satisfies NodePorts[]
  const root = scratchFolder('kafka')
  const nodes = ports.map(({ client, more, advertised }, id) => {
    const folder = join(root, String(id))
    mkdirSync(folder)
    writeFileSync(propertiesOf(folder), serverProperties({ id, folder, ports, settings, listeners }))
    return { folder, address: `127.0.0.1:${client}`, more, advertised }
  })
  return { clusterId: randomBytes(16).toString('base64url'), folder: root, nodes, options }
}

const propertiesOf = (folder: string): string => join(folder, 'server.properties')

/** Side by side: a JVM takes a second to come up. */
function format({ clusterId, options }: Layout): (node: { readonly folder: string }) => Promise<void> {
  return async ({ folder }) => {
    const config = propertiesOf(folder)
    const tool = startJava(folder, [
      'kafka.tools.StorageTool',
      'format',
      // In one word: an id may begin with a dash.
      `--cluster-id=${clusterId}`,
      '-c',
      config,
      ...(options.format ?? []),
    ])
    const how = await tool.ended
    if (how !== 'exit code 0') throw new Error(`Kafka's storage was not formatted: ${how}\n${tool.tail()}`)
  }
}

function startJava(folder: string, args: readonly string[]): Child {
  const options = [...JVM, ...LOGGING, '-cp', kafkaClassPath()]
  return startChild({ command: java(), args: [...options, ...args], log: join(folder, 'log.txt'), cwd: folder })
}

class Cluster implements KafkaCluster {
  readonly brokers: readonly string[]
  readonly #layout: Layout
  readonly #running: Child[] = []

  constructor(layout: Layout) {
    this.#layout = layout
    this.brokers = layout.nodes.map((node) => node.address)
  }

  async start(): Promise<void> {
    this.brokers.forEach((_, id) => this.#spawn(id))
    try {
      await Promise.all(this.brokers.map((_, id) => this.#answers(id)))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  listener(name: string): readonly string[] {
    return this.#layout.nodes.map(({ more }) => `127.0.0.1:${more[name]}`)
  }

  advertised(name: string): readonly string[] {
    return this.#layout.nodes.map(({ advertised }) => `127.0.0.1:${advertised[name]}`)
  }

  pids(): readonly number[] {
    return this.#running.map((child) => child.pid)
  }

  async kill(id: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.#child(id).stop(signal)
  }

  freeze(id: number): void {
    this.#child(id).signal('SIGSTOP')
  }

  thaw(id: number): void {
    this.#child(id).signal('SIGCONT')
  }

  async restart(id: number): Promise<void> {
    if (this.#child(id).running()) throw new Error(`broker ${id} is still running: kill it first`)
    this.#spawn(id)
    await this.#answers(id)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((child) => child.stop('SIGKILL')))
    removeFolder(this.#layout.folder)
  }

  #child(id: number): Child {
    const child = this.#running[id]
    if (!child) throw new Error(`there is no broker ${id}`)
    return child
  }

  #spawn(id: number): void {
    const { folder } = this.#layout.nodes[id] as Layout['nodes'][number]
    this.#running[id] = startJava(folder, [...(this.#layout.options.jvm ?? []), 'kafka.Kafka', propertiesOf(folder)])
  }

  /** Ready is when the broker itself answers and knows of itself and of all others that run. */
  async #answers(id: number): Promise<void> {
    const alive = this.#running.filter((child) => child.running()).length
    await untilReady(`Kafka broker ${id}`, this.#child(id), READY_MS_MAX, async () => {
      const known = await brokersKnownTo(this.brokers[id] as string)
      return known >= alive ? known : null
    })
  }
}

/** How many brokers the one at this address knows of; 0 where it does not answer. */
export async function brokersKnownTo(address: string): Promise<number> {
  const options = { logLevel: logLevel.NOTHING, connectionTimeout: 1000, retry: { retries: 0 } }
  const admin = new Client({ brokers: [address], ...options }).admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length
  } catch {
    return 0
  } finally {
    await admin.disconnect()
  }
}
