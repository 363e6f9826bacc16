import type { Grant } from '../access/grant.ts'
import type { Control } from './framing.ts'
import type { Headers, Reply } from './reply.ts'

/** What a page says beside its records. */
export interface PageEnd {
  readonly gaps: readonly Control[]
  readonly notices: readonly Control[]
  /** Where the next page begins. */
  readonly cursor: string
  /** Nothing more was there when it ended. */
  readonly caughtUp: boolean
}

const COMMA = Buffer.from(',')

/** The page as JSON. Records are lines, so that a person sees one a line, too. */
export function pageBody(records: readonly Uint8Array[], end: PageEnd): Buffer {
  const pieces: Uint8Array[] = [Buffer.from('{"records":[')]
  for (const [index, record] of records.entries()) pieces.push(...(index === 0 ? [record] : [COMMA, record]))
  pieces.push(Buffer.from(`],${JSON.stringify(end).slice(1)}\n`))
  return Buffer.concat(pieces)
}

/** The address of the page after `cursor`, with whatever else was asked for. */
export function nextPage(publicUrl: string, { product, stream }: Grant, query: string, cursor: string): string {
  const parameters = new URLSearchParams(query)
  // It would win over `from`.
  parameters.delete('lastEventId')
  parameters.set('from', cursor)
  return `${publicUrl}/streams/${product.id}/${stream.id}?${parameters.toString()}`
}

/** Hands a whole body over as fast as the client takes it. `done` comes once it has; not where it leaves before. */
export function deliver(reply: Reply, headers: Headers, body: Uint8Array, done: () => void): void {
  const { res } = reply
  reply.gone = true
  // What the socket does not take stays ours until it does: uWS would copy it. Whoever takes nothing for 10 s is cut by uWS.
  res.onWritable((offset) => {
    const [taken, finished] = res.tryEnd(body.subarray(offset), body.byteLength)
    if (finished) done()
    return taken
  })
  res.cork(() => {
    reply.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
    if (res.tryEnd(body, body.byteLength)[1]) done()
  })
}
