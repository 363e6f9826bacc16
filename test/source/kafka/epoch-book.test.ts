import { describe } from 'node:test'
import { MemoryEpochBook } from '../../../gateway/source/kafka/epoch-book.ts'
import { epochBookSuite } from '../../suites/epoch-book.ts'

describe('epoch book × memory', () => {
  epochBookSuite(async () => new MemoryEpochBook())
})
