import { gatewayKilled } from './faults/gateways.ts'
import { partitionsAdded, recordsDeleted, topicRecreated, transactionsAborted } from './faults/log.ts'
import { chaosSuite } from './suite.ts'

chaosSuite('chaos logs', [
  [partitionsAdded, topicRecreated, transactionsAborted],
  // Both crash gateways.
  [recordsDeleted],
  [gatewayKilled],
])
