import { open, type FileHandle } from 'node:fs/promises'
import { Fault } from '../errors.ts'

/** Where the text of a JWK Set is found. */
export interface KeySource {
  readonly kind: 'file' | 'url'
  /** As configured. */
  readonly name: string
  /** The text now; throws a Fault that says why there is none. Never more than the byte limit is held. */
  read(signal: AbortSignal): Promise<string>
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** `configured` is a file path or an address; throws a usage `Fault` for one that must not be asked. */
export function keySourceOf(configured: string, bytesMax: number): KeySource {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(configured)) {
    if (configured === '') throw new Fault('usage', 'jwks is empty; give a file path or an https URL.')
    return { kind: 'file', name: configured, read: () => readFileBounded(configured, bytesMax) }
  }
  const url = checkedUrl(configured)
  return { kind: 'url', name: configured, read: (signal) => fetchBounded(url, bytesMax, signal) }
}

/** Keys over a plain connection are whatever the network says they are: only loopback may do without TLS. */
function checkedUrl(configured: string): URL {
  if (!URL.canParse(configured)) throw new Fault('usage', `jwks ${configured} is not an address.`)
  const url = new URL(configured)
  if (url.username !== '' || url.password !== '') {
    throw new Fault('usage', `jwks on ${url.host}: an address with a password in it is refused; key sets are public.`)
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url
  if (url.protocol === 'http:') {
    throw new Fault('usage', `jwks ${configured}: keys over plain http can be forged on the way; use https.`)
  }
  throw new Fault('usage', `jwks ${configured}: only https addresses and file paths are read.`)
}

/** `URL` has already normalised the host: `127.1` is `127.0.0.1` by now. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

async function fetchBounded(url: URL, bytesMax: number, signal: AbortSignal): Promise<string> {
  const headers = { accept: 'application/jwk-set+json, application/json' }
  let response: Response
  try {
    // A redirect would let whoever answers here choose who answers for the keys.
    response = await fetch(url, { redirect: 'manual', headers, signal })
  } catch (error) {
    throw unreachable(error)
  }
  const problem = problemOf(response, bytesMax)
  if (problem === null && response.body) return decode(await readBounded(response.body, bytesMax))
  await response.body?.cancel()
  throw new Fault('refused', problem ?? 'it answered without a body')
}

function problemOf(response: Response, bytesMax: number): string | null {
  if (response.status >= 300 && response.status < 400) {
    return `it answered ${response.status}, a redirect, and redirects are not followed; configure the final address`
  }
  if (response.status !== 200) return `it answered ${response.status}`
  return Number(response.headers.get('content-length')) > bytesMax ? tooLarge(bytesMax) : null
}

/** Counts decoded bytes: a small compressed answer must not become a large one either. */
async function readBounded(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    // Leaving the loop cancels the body, which ends the connection.
    for await (const chunk of body) {
      bytes += chunk.byteLength
      if (bytes > bytesMax) throw new Fault('refused', tooLarge(bytesMax))
      chunks.push(chunk)
    }
  } catch (error) {
    throw unreachable(error)
  }
  return Buffer.concat(chunks)
}

/** Reads one byte beyond the limit at most, whatever the file's size claims to be. */
async function readFileBounded(path: string, bytesMax: number): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreachable(error)
  })
  try {
    return decode(await readAll(file, bytesMax))
  } catch (error) {
    throw unreachable(error)
  } finally {
    await file.close()
  }
}

async function readAll(file: FileHandle, bytesMax: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytesMax + 1)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes)
    bytes += bytesRead
    if (bytes > bytesMax) throw new Fault('refused', tooLarge(bytesMax))
    if (bytesRead === 0) return buffer.subarray(0, bytes)
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new Fault('refused', 'it is not UTF-8 text', { cause: error })
  }
}

function tooLarge(bytesMax: number): string {
  return `it is larger than ${bytesMax} bytes`
}

/** A Fault is passed on (an abort carries one as its reason); `fetch` hides the system's error one level down. */
function unreachable(error: unknown): Fault {
  if (error instanceof Fault) return error
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Fault) return cause
  return new Fault('unreachable', cause instanceof Error ? cause.message : String(cause), { cause: error })
}
