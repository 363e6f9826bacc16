import type { Fault } from './fault.ts'
import { brokerFrozen, leaderKilled } from './faults/brokers.ts'
import { connectionFaults } from './faults/connections.ts'
import { uncleanElection } from './faults/election.ts'
import { gatewayKilled } from './faults/gateways.ts'
import { partitionsAdded, recordsDeleted, topicRecreated, transactionsAborted } from './faults/log.ts'

/** All faults, as the table of docs/reliability.md has them. */
export const ALL_FAULTS: readonly Fault[] = [
  ...connectionFaults,
  leaderKilled,
  brokerFrozen,
  uncleanElection,
  partitionsAdded,
  topicRecreated,
  recordsDeleted,
  transactionsAborted,
  gatewayKilled,
]
