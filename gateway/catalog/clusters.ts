import type { Stream } from './plan.ts'

/** A Kafka cluster that the gateway is configured for; brokers are `host:port`. */
export interface Cluster {
  readonly name: string
  readonly brokers: readonly string[]
}

/** The name of the cluster, `null` for the embedded log, or in words why there is none. */
export type ClusterMatch = { readonly cluster: string | null } | { readonly problem: string; readonly fix: string }

/**
 * The configured cluster that a stream's records come from: the one its server names by `x-cluster`, else the one with its host and
 * port among the brokers, else the only one there is. Without any cluster every stream comes from the embedded log.
 */
export function matchCluster(stream: Pick<Stream, 'servers'>, clusters: readonly Cluster[]): ClusterMatch {
  if (clusters.length === 0) return { cluster: null }
  const names = clusters.map(({ name }) => name).join(', ')
  for (const { cluster } of stream.servers)
    if (cluster !== null && clusters.some(({ name }) => name === cluster)) return { cluster }
  for (const { host, cluster } of stream.servers) {
    if (cluster !== null) continue
    const found = clusters.find(({ brokers }) => brokers.some((broker) => normal(broker) === normal(host)))
    if (found) return { cluster: found.name }
  }
  const asked = stream.servers.flatMap(({ cluster }) => (cluster === null ? [] : [cluster]))
  // Who names a cluster means that one: another must not stand in for it.
  if (asked.length > 0)
    return { problem: `no cluster \`${asked[0]}\` is configured`, fix: `Use \`x-cluster\` with one of ${names}.` }
  const [only, second] = clusters
  if (only && !second) return { cluster: only.name }
  const hosts = stream.servers.map(({ host }) => host).join(', ') || 'none'
  return {
    problem: `no configured cluster has a server of this stream (${hosts})`,
    fix: `Add \`x-cluster\` to the server: one of ${names}.`,
  }
}

const KAFKA_PORT = '9092'

function normal(address: string): string {
  const text = address.trim().toLowerCase()
  return /:\d+$/.test(text) ? text : `${text}:${KAFKA_PORT}`
}
