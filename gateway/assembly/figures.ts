import type { Authenticator } from '../access/authenticator.ts'
import type { Metrics, Sample } from '../metrics.ts'
import type { Hub } from '../stream/hub.ts'
import type { Admissions } from '../transport/admissions.ts'

/** What `/metrics` tells of the parts. */
export function registerFigures(
  metrics: Metrics,
  hub: Hub,
  admissions: Admissions,
  authenticator: Authenticator,
): void {
  const { counters } = admissions
  metrics.gauge('weir_connections', 'Connections of partners.', () => admissions.live)
  metrics.counter('weir_connections_opened_total', 'Connections let in.', () => counters.opened)
  metrics.counter('weir_connections_closed_total', 'Connections that ended.', () => counters.closed)
  metrics.counter('weir_requests_refused_total', 'Requests and handshakes turned down.', () => counters.refused)
  metrics.counter(
    'weir_frames_dropped_total',
    'Frames that the socket layer dropped: above 0 is a fault.',
    () => counters.dropped,
  )
  metrics.gauge('weir_subscriptions', 'Subscriptions by mode.', () => modes(hub), ['mode'])
  metrics.gauge('weir_tails', 'Topics followed.', () => hub.stats().tails)
  metrics.gauge('weir_tails_down', 'Topics followed that cannot be read now.', () => hub.stats().down)
  metrics.gauge('weir_ring_bytes', 'Memory of the newest records.', () => hub.stats().ringBytes)
  metrics.gauge('weir_replay_bytes', 'Memory of replay blocks.', () => hub.stats().blockBytes)
  metrics.counter('weir_replay_reads_total', 'Reads from the log for replays.', () => hub.replay.reads)
  metrics.counter(
    'weir_taken_off_total',
    'Riders that left the broadcast, by reason.',
    () => labelled('why', hub.counts.off),
    ['why'],
  )
  metrics.counter(
    'weir_riding_total',
    'Readers that stepped onto the broadcast, by why they had been reading.',
    () => labelled('why', hub.counts.on),
    ['why'],
  )
  metrics.counter(
    'weir_token_cache_hits_total',
    'Tokens that needed no signature check.',
    () => authenticator.cache().hits,
  )
  metrics.counter(
    'weir_token_cache_misses_total',
    'Tokens whose signature was checked.',
    () => authenticator.cache().misses,
  )
}

function modes(hub: Hub): readonly Sample[] {
  const { riding, subscriptions } = hub.stats()
  return labelled('mode', { riding, reading: subscriptions - riding })
}

function labelled(label: string, values: { readonly [value: string]: number }): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}
