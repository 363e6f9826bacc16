import { createHash } from 'node:crypto'
import { coded } from './coding.ts'
import type { Headers, Reply } from './reply.ts'
import type { Request } from './request.ts'

/** What is answered where it is there; `Vary` says what it depends on beside its coding. */
export interface Tagged {
  readonly type: string
  readonly body: Uint8Array
  readonly headers: Headers
}

/** With an entity tag, so that asking for what has not changed costs next to nothing (RFC 9110 §8.8.3). */
export async function sendTagged(reply: Reply, request: Request, { type, body, headers }: Tagged): Promise<void> {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const vary = [headers['Vary'], 'Accept-Encoding'].filter((names) => names !== undefined).join(', ')
  const common = { ...headers, Vary: vary }
  // Weak comparison (RFC 9110 §13.1.2): a proxy that compresses marks the tag as weak.
  const known = request.ifNoneMatch.split(',').map((candidate) => candidate.trim().replace(/^W\//, ''))
  if (known.includes(tag) || known.includes('*')) return reply.send(304, type, '', { ...common, ETag: tag })
  const { body: bytes, headers: coding } = await coded(body, request.acceptEncoding)
  // A strong tag is of one sequence of bytes (RFC 9110 §8.8.3.3).
  const ETag = 'Content-Encoding' in coding ? `W/${tag}` : tag
  reply.send(200, type, bytes, { ...coding, ...common, ETag })
}
