import { describe } from 'node:test'
import { clientSuite } from '../suites/client.ts'

describe('client × NDJSON', () => clientSuite({ webSocket: null, talks: false }))
