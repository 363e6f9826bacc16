import { brokerFrozen, leaderKilled } from './faults/brokers.ts'
import { chaosSuite } from './suite.ts'

chaosSuite('chaos brokers', [[leaderKilled], [brokerFrozen]])
