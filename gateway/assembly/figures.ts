import type { Authenticator } from '../access/authenticator.ts'
import type { Metrics, Sample } from '../metrics.ts'
import type { Accounting } from './accounting.ts'
import type { Publishing } from './publishing.ts'
import type { Hub } from '../stream/hub.ts'
import type { Admissions } from '../transport/admissions.ts'

/** What `/metrics` tells of the parts; nothing is read of them before a scrape, so that docs/metrics.md is made without them. */
export function registerFigures(
  metrics: Metrics,
  hub: Hub,
  admissions: Admissions,
  authenticator: Authenticator,
): void {
  metrics.gauge(
    'weir_connections',
    'Connections of partners that are open now, over all transports.',
    () => admissions.live,
  )
  metrics.counter(
    'weir_connections_opened_total',
    'Connections of partners that were let in.',
    () => admissions.counters.opened,
  )
  metrics.counter(
    'weir_connections_closed_total',
    'Connections of partners that ended, for whatever reason; the log has a line with the reason for each.',
    () => admissions.counters.closed,
  )
  metrics.counter(
    'weir_requests_refused_total',
    'Requests and handshakes turned down: bad or missing tokens, unknown streams, wrong parameters, spent allowances, no place left.',
    () => admissions.counters.refused,
  )
  metrics.counter(
    'weir_frames_dropped_total',
    'Frames that the socket layer dropped: above 0 is a fault of ours, since a client missed records.',
    () => admissions.counters.dropped,
  )
  metrics.gauge(
    'weir_subscriptions',
    'Subscriptions by mode: `riding` on the broadcast, which costs nothing for each, or `reading` at their own pace.',
    () => modes(hub),
    ['mode'],
  )
  metrics.gauge(
    'weir_tails',
    'Topics that are followed, since somebody reads them or did a moment ago (`limits.lingerMs`).',
    () => hub.stats().tails,
  )
  metrics.gauge(
    'weir_tails_down',
    'Topics that are followed and cannot be read now: their subscribers are told `paused`.',
    () => hub.stats().down,
  )
  metrics.gauge(
    'weir_ring_bytes',
    'Memory that the newest records of all topics take; a part of `limits.logMemoryBytesMax`.',
    () => hub.stats().ringBytes,
  )
  metrics.gauge(
    'weir_replay_bytes',
    'Memory that blocks of older records take; a part of `limits.logMemoryBytesMax`.',
    () => hub.stats().blockBytes,
  )
  metrics.counter(
    'weir_replay_reads_total',
    'Reads of older records from Kafka, for clients that are behind what is in memory.',
    () => hub.replay.reads,
  )
  metrics.counter(
    'weir_taken_off_total',
    'Subscriptions that left the broadcast, by reason: `socket` was slow, `quota` was spent, `pause` was told, `replay` had records to catch up with.',
    () => labelled('why', hub.counts.off),
    ['why'],
  )
  metrics.counter(
    'weir_riding_total',
    'Subscriptions that caught up and stepped onto the broadcast, by why they had been reading; `start`: since they began.',
    () => labelled('why', hub.counts.on),
    ['why'],
  )
  metrics.counter(
    'weir_token_cache_hits_total',
    'Tokens that were known already and needed no check of their signature.',
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
export function registerAccounting(metrics: Metrics, accounting: Accounting, hub: Hub): void {
  metrics.counter(
    'weir_quota_calls_total',
    'Calls for allowances, to Redis where it is configured; each carries many agreements.',
    () => accounting.quota.counters.calls,
  )
  metrics.counter(
    'weir_quota_failures_total',
    'Calls for allowances that failed or came too late.',
    () => accounting.quota.counters.failures,
  )
  metrics.counter(
    'weir_quota_granted_total',
    'Records for which an allowance was granted in advance.',
    () => accounting.quota.counters.granted,
  )
  metrics.counter(
    'weir_quota_returned_total',
    'Records for which an allowance was granted and given back unused.',
    () => accounting.quota.counters.returned,
  )
  metrics.counter(
    'weir_quota_burnt_total',
    'Records for which an allowance was granted and not used when its window ended.',
    () => accounting.quota.counters.burnt,
  )
  metrics.counter(
    'weir_quota_local_total',
    'Records handed out on a bounded share while Redis was away (`onRedisLoss: local`); they are counted there later.',
    () => accounting.quota.counters.local,
  )
  metrics.gauge(
    'weir_usage_pending_records',
    'Deliveries that are counted in memory and not written to the journal yet.',
    () => hub.meter.records,
  )
  metrics.counter(
    'weir_usage_messages_total',
    'Messages of usage that were written to the journal.',
    () => accounting.shipper.counts.messages,
  )
  metrics.counter(
    'weir_usage_failures_total',
    'Sends of usage to its sink (the usage topic, or the ledger) that failed; they are tried again from the journal.',
    () => accounting.shipper.counts.failures,
  )
  metrics.gauge(
    'weir_usage_journal_bytes',
    'Size of the journal on disk; at `usage.journal.bytesMax` delivery pauses.',
    () => accounting.journal.bytes,
  )
  metrics.gauge(
    'weir_usage_unsent_bytes',
    'Usage in the journal that has not reached its sink; it rises while usage topic or ledger are away.',
    () => accounting.journal.appended - accounting.journal.sent + accounting.orphans.unsentBytes,
  )
  metrics.counter(
    'weir_usage_lost_bytes_total',
    'Bytes of the journal that cannot be read: above 0, what was delivered there is not billed.',
    () => accounting.journal.counts.lostBytes,
  )
}

/** What `/metrics` tells of the documents. */
export function registerPublishing(metrics: Metrics, publishing: Publishing): void {
  metrics.gauge('weir_products', 'Products that are served.', () => publishing.catalog.products.length)
  metrics.gauge(
    'weir_documents_refused',
    'Documents whose newest version has an error; what was good before is served in its place.',
    () => publishing.refused.length,
  )
  metrics.counter(
    'weir_publications_total',
    'Times that changed documents went live.',
    () => publishing.counts.published,
  )
  metrics.counter(
    'weir_publication_failures_total',
    'Looks at the folders of documents that failed; what was served goes on being served.',
    () => publishing.counts.failed,
  )
}
