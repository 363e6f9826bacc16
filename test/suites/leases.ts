import { type OpenLeases, portSuite } from './leases/port.ts'
import { poolSuite } from './leases/pools.ts'
import { seatsSuite } from './leases/seats.ts'

/** What every `Leases` must do, by itself and under pools of several nodes. */
export function leasesSuite(open: OpenLeases): void {
  portSuite(open)
  poolSuite(open)
  seatsSuite(open)
}
