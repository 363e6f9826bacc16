import { describe } from 'node:test'
import { MemoryLeases } from '../../gateway/quota/memory.ts'
import { leasesSuite } from '../suites/leases.ts'

describe('allowances counted in this process', () => {
  leasesSuite(async (clock) => new MemoryLeases(clock))
})
