import { pairsOf } from './faults/connections.ts'
import { chaosSuite } from './suite.ts'

chaosSuite('chaos broken connections', pairsOf('cut', 'reset'))
