/** What is worth waking somebody for, and what he does then. */
export interface Alarm {
  /** PromQL that answers something while the alarm holds. */
  readonly when: string
  /** How long it should hold first, as Prometheus's `for`. */
  readonly for: string
  readonly means: string
  readonly advice: string
}

/** The alarms of docs/metrics.md; each names metrics that are registered, and no others. */
export const ALARMS: readonly Alarm[] = [
  {
    when: 'weir_tails_down > 0',
    for: '2m',
    means: 'A topic that partners read cannot be read. They are told `paused`, and lose nothing that the topic keeps.',
    advice:
      'Look whether the topic is there and its partitions have leaders, and at the log of the gateway, which names brokers that cannot be reached or do not let us in. Nothing needs a restart afterwards.',
  },
  {
    when: 'rate(weir_usage_failures_total[5m]) > 0',
    for: '5m',
    means:
      'Usage does not reach its sink. Two flushes later billable delivery pauses, and partners are told `paused` with reason `metering`.',
    advice:
      'Mend what the log names with event `usage-unsent`: the cluster of `usage.cluster`, its topic and the right to write to it, or the database. What waits is on disk and is sent by itself.',
  },
  {
    when: 'delta(weir_usage_unsent_bytes[10m]) > 0',
    for: '10m',
    means: 'The journal fills. At `usage.journal.bytesMax` delivery stops until there is room.',
    advice:
      'As above. Do not delete the journal: what is in it is delivered and not billed yet. Room on the disk and a larger `usage.journal.bytesMax` buy time.',
  },
  {
    when: 'increase(weir_usage_lost_bytes_total[1h]) > 0',
    for: '0m',
    means: 'A part of the journal is damaged. What was delivered there is not billed; nobody is billed too much.',
    advice: 'Look at the disk that holds `dataDir`. The reports of the month say that messages are missing.',
  },
  {
    when: 'rate(weir_quota_failures_total[1m]) > 0',
    for: '1m',
    means:
      'Redis does not answer. Plans with `onRedisLoss: local` go on for a bounded share, the others wait; partners are told `paused` with reason `quota`.',
    advice:
      'Bring Redis back, or mend `redis.url`. Counts that it lost are filled in again from the ledger. Nothing needs a restart.',
  },
  {
    when: 'weir_documents_refused > 0',
    for: '0m',
    means: 'The newest version of a document has an error. The last good one goes on being served.',
    advice:
      'Its team mends it: `/readyz` of the control port names the file, the log (`finding`) file, line and fix, and `weir spec lint FILE` says the same.',
  },
  {
    when: 'weir_products == 0',
    for: '1m',
    means: 'No document is served: every request for a stream is a 404.',
    advice: '`weir check` says why: a wrong folder in `specs`, or nothing in it that is valid and exposed.',
  },
  {
    when: 'rate(weir_publication_failures_total[5m]) > 0',
    for: '1m',
    means: 'The folders of documents cannot be read. What was served goes on; changes are not seen.',
    advice:
      'Look at the folders of `specs` and the rights of the user that Weir runs as; the log has the cause, with event `publishing`.',
  },
  {
    when: 'increase(weir_frames_dropped_total[1h]) > 0',
    for: '0m',
    means: 'A fault of ours: frames that were thought to be sent were not.',
    advice: 'Report it, with version, metrics and log.',
  },
  {
    when: 'increase(weir_worker_restarts_total[15m]) > 0',
    for: '0m',
    means: 'One of several processes on a port ended by itself. Its clients went on at the others, with their cursors.',
    advice:
      'The log has how it ended, with event `worker-ended`, and the last lines of that worker. Where it was memory, lower `limits.logMemoryBytesMax` or the number of workers.',
  },
  {
    when: 'increase(weir_metrics_faults_total[1h]) > 0',
    for: '0m',
    means: 'A fault of ours: a metric cannot be read, and is missing here.',
    advice: 'The log names it. Report it.',
  },
  {
    when: 'rate(weir_requests_refused_total[5m]) > 10 * (rate(weir_connections_opened_total[5m]) + 1)',
    for: '5m',
    means:
      'Far more is turned down than let in: a client in a loop, an issuer whose keys do not load, or no place left.',
    advice:
      '`/readyz` says whether the keys of an issuer are missing and whether all places are taken (`limits.connectionsMax`). What a client is answered says its reason in `code` and `detail`.',
  },
  {
    when: 'weir_process_event_loop_lag_seconds{quantile="0.99"} > 0.25',
    for: '5m',
    means: 'The process has more to do than one core does: every client waits that long.',
    advice:
      'Add a node behind the same address. `weir_subscriptions{mode="reading"}` and `rate(weir_replay_reads_total[1m])` say whether replays are the load; `limits.replaySlotsMax` bounds them.',
  },
  {
    when: 'rate(weir_taken_off_total{why="socket"}[5m]) > 1',
    for: '15m',
    means:
      'Clients often have no room for what is broadcast. They read on at their own pace; nobody else waits for them.',
    advice:
      'Nothing, where few clients are slow. Where all are, the network between is: look at its bandwidth, and at proxies that buffer.',
  },
]
