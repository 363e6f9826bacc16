import { pairsOf } from './faults/connections.ts'
import { chaosSuite } from './suite.ts'

chaosSuite('chaos slow connections', pairsOf('slow'))
