import { describe } from 'node:test'
import { kafkaBrokers } from '../../services/use.ts'
import { sourceSuite } from '../../suites/source.ts'
import { openKafka } from './world.ts'

describe('source × kafka', () => {
  sourceSuite(() => openKafka(kafkaBrokers(), { limits: { metadataEveryMs: 1000, downAfterMs: 500 } }))
})
