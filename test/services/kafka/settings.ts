import { join } from 'node:path'

/** The text of one broker's server.properties: combined roles, loopback only, everything that waits made short. */
export function serverProperties(node: Node): string {
  const settings = { ...addresses(node), ...SETTINGS, ...replicas(node.ports.length), ...node.settings }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

export interface Node {
  /** Kafka's node.id, and its place in `ports`. */
  readonly id: number
  readonly folder: string
  /** Of all nodes. */
  readonly ports: readonly NodePorts[]
  /** Override anything below. */
  readonly settings: Settings
  /** Beside the plain one: name → security protocol. */
  readonly listeners?: { readonly [name: string]: string }
}

export interface NodePorts {
  readonly client: number
  readonly controller: number
  /** Of the listeners beside the plain one, by name. */
  readonly more?: { readonly [listener: string]: number }
  /** Where clients are told to find such a listener, if not at its own port. */
  readonly advertised?: { readonly [listener: string]: number }
}

export type Settings = { readonly [name: string]: string | number | boolean }

function addresses({ id, folder, ports, listeners = {} }: Node): Settings {
  const { client, controller, more = {}, advertised = {} } = ports[id] as NodePorts
  const all = { CLIENT: client, ...more }
  const urls = (places: { readonly [name: string]: number }): string[] =>
    Object.entries(places).map(([name, port]) => `${name}://127.0.0.1:${port}`)
  const protocols = { CLIENT: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...listeners }
  return {
    'node.id': id,
    'process.roles': 'broker,controller',
    'controller.quorum.voters': ports.map((port, other) => `${other}@127.0.0.1:${port.controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': Object.entries(protocols)
      .map(([name, protocol]) => `${name}:${protocol}`)
      .join(','),
    listeners: urls({ ...all, CONTROLLER: controller }).join(','),
    'advertised.listeners': urls({ ...all, ...advertised }).join(','),
    'log.dirs': join(folder, 'data'),
  }
}

function replicas(brokers: number): Settings {
  const inSync = Math.min(2, brokers)
  return {
    'default.replication.factor': brokers,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': brokers,
    'transaction.state.log.replication.factor': brokers,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': brokers,
    'share.coordinator.state.topic.min.isr': inSync,
  }
}

const SETTINGS: Settings = {
  'auto.create.topics.enable': false,
  'delete.topic.enable': true,
  'message.max.bytes': 4 << 20,
  'replica.fetch.max.bytes': 4 << 20,
  'offsets.topic.num.partitions': 3,
  'transaction.state.log.num.partitions': 3,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 500,
  // A dead leader is replaced after the session; a leader that comes back leads again only where a test says so.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'replica.lag.time.max.ms': 3000,
  'replica.fetch.wait.max.ms': 100,
  'auto.leader.rebalance.enable': false,
  // Retention, compaction and deletion are seen within a second.
  'log.initial.task.delay.ms': 200,
  'log.retention.check.interval.ms': 300,
  'log.segment.delete.delay.ms': 100,
  'log.cleaner.backoff.ms': 300,
  'log.cleaner.dedupe.buffer.size': 4 << 20,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
  'num.network.threads': 2,
  'num.io.threads': 4,
  'background.threads': 2,
}
