import type { Authenticator } from '../access/authenticator.ts'
import type { Metrics, Sample } from '../metrics.ts'
import type { Accounting } from './accounting.ts'
import type { Publishing } from './publishing.ts'
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

/** What `/metrics` tells of allowances and usage. */
export function registerAccounting(metrics: Metrics, { quota, shipper, journal, orphans }: Accounting, hub: Hub): void {
  const counts = quota.counters
  metrics.counter('weir_quota_calls_total', 'Calls for allowances.', () => counts.calls)
  metrics.counter('weir_quota_failures_total', 'Calls for allowances that failed.', () => counts.failures)
  metrics.counter('weir_quota_granted_total', 'Messages granted in advance.', () => counts.granted)
  metrics.counter('weir_quota_returned_total', 'Messages granted and given back.', () => counts.returned)
  metrics.counter('weir_quota_burnt_total', 'Messages granted and void at the edge of a window.', () => counts.burnt)
  metrics.counter('weir_quota_local_total', 'Messages handed out while the store was away.', () => counts.local)
  metrics.gauge('weir_usage_pending_records', 'Records delivered and not written down yet.', () => hub.meter.records)
  metrics.counter('weir_usage_messages_total', 'Usage messages written down.', () => shipper.counts.messages)
  metrics.counter('weir_usage_failures_total', 'Sends of usage that failed.', () => shipper.counts.failures)
  metrics.gauge('weir_usage_journal_bytes', 'Size of the journal.', () => journal.bytes)
  metrics.gauge(
    'weir_usage_unsent_bytes',
    'Usage written down that has not reached its sink.',
    () => journal.appended - journal.sent + orphans.unsentBytes,
  )
  metrics.counter(
    'weir_usage_lost_bytes_total',
    'Damage in the journal: above 0 is a fault.',
    () => journal.counts.lostBytes,
  )
}

/** What `/metrics` tells of the documents. */
export function registerPublishing(metrics: Metrics, publishing: Publishing): void {
  metrics.gauge('weir_products', 'Products served.', () => publishing.catalog.products.length)
  metrics.gauge(
    'weir_documents_refused',
    'Documents whose newest version is not served.',
    () => publishing.refused.length,
  )
  metrics.counter(
    'weir_publications_total',
    'Changes of documents that were taken up.',
    () => publishing.counts.published,
  )
  metrics.counter(
    'weir_publication_failures_total',
    'Looks at the documents that failed.',
    () => publishing.counts.failed,
  )
}
