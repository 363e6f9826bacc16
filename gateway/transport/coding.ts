import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Headers } from './reply.ts'

/** Below this the coding costs more than it spares. */
const CODED_BYTES_MIN = 1024
/** Runs beside the event loop. */
const zip = promisify(gzip)

interface Coded {
  readonly body: Uint8Array
  readonly headers: Headers
}

/** A body as the client takes it best: in gzip, where it says that it reads that (RFC 9110 §12.5.3). */
export async function coded(body: Uint8Array, acceptEncoding: string): Promise<Coded> {
  // Said of small ones as well: caches keep what was asked for, not why it came out as it did.
  const vary: Headers = { Vary: 'Accept-Encoding' }
  if (body.byteLength < CODED_BYTES_MIN || !takesGzip(acceptEncoding)) return { body, headers: vary }
  return { body: await zip(body), headers: { ...vary, 'Content-Encoding': 'gzip' } }
}

/** Named with a quality above 0, or meant by `*` without being named. */
function takesGzip(acceptEncoding: string): boolean {
  const codings = new Map<string, boolean>()
  for (const range of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (name !== '') codings.set(name, !parameters.some((parameter) => /^q\s*=\s*0(\.0*)?$/.test(parameter)))
  }
  return codings.get('gzip') ?? codings.get('x-gzip') ?? codings.get('*') ?? false
}
