import { request } from 'node:http'
import { assertPage } from '../contract/wire.ts'
import type { Frame } from '../integration/support/sse.ts'
import { tellFrame, type Connection, type From, type Tell } from './connections.ts'

const LIMIT = 200
/** An empty page waits, as a poller would ask it to. */
const WAIT = 'PT1S'
const PASSING = new Set([429, 502, 503])

interface Page {
  readonly records: readonly Frame[]
  readonly gaps: readonly Frame[]
  readonly cursor: string
}

/** One page. What did not come whole was not read: the cursor stays. */
export function openPage(url: string, { token, cursor }: From, tell: Tell): Connection {
  const connection = { over: false, destroy: (): void => void asked.destroy() }
  const end = (): void => void (connection.over = true)
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' }
  const query = `from=${cursor ?? 'earliest'}&limit=${LIMIT}&wait=${WAIT}`
  const asked = request(`${url}?${query}`, { headers, agent: false }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', end)
    response.on('end', () => {
      const status = response.statusCode ?? 0
      if (status === 200) tellPage(JSON.parse(Buffer.concat(chunks).toString()) as Page, tell)
      else if (!PASSING.has(status)) tell({ type: 'trouble', what: `HTTP ${status}` })
      end()
    })
  })
  asked.on('error', end)
  asked.on('close', end)
  asked.end()
  return connection
}

/** Gaps stand apart from the records of a page; each that the page has comes before all of them, as pages begin where something is lost. */
function tellPage(page: Page, tell: Tell): void {
  assertPage(page)
  tell({ type: 'connected', cursor: null })
  for (const frame of [...page.gaps, ...page.records]) tellFrame(frame, tell)
  tell({ type: 'position', cursor: page.cursor })
}
