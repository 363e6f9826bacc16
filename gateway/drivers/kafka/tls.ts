import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { KafkaError } from './errors.ts'

/** What TLS is to use beyond its defaults. PEM files, read at each dial, so that renewed ones count from then on. */
export interface Tls {
  /** Authorities to trust in place of the system's. */
  readonly caFile?: string | null
  /** Our certificate, with its chain, where brokers want to know who comes. */
  readonly certFile?: string | null
  readonly keyFile?: string | null
  /** The name that brokers' certificates hold, where it is not the one that they are dialled by. */
  readonly serverName?: string | null
}

/** Throws `KafkaError` where a file cannot be read. */
export async function tlsOptions(tls: true | Tls, host: string): Promise<ConnectionOptions> {
  const { caFile, certFile, keyFile, serverName }: Tls = tls === true ? {} : tls
  const [ca, cert, key] = await Promise.all([
    pem('ssl.caFile', caFile),
    pem('ssl.certFile', certFile),
    pem('ssl.keyFile', keyFile),
  ])
  return joined(host, serverName, ca, cert, key)
}

/** The same for who cannot wait: throws what the file system throws. */
export function tlsOptionsNow(tls: true | Tls, host: string): ConnectionOptions {
  const { caFile, certFile, keyFile, serverName }: Tls = tls === true ? {} : tls
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => (file == null ? null : readFileSync(file)))
  return joined(host, serverName, ca, cert, key)
}

type Pem = Buffer | null | undefined

function joined(host: string, serverName: string | null | undefined, ca: Pem, cert: Pem, key: Pem): ConnectionOptions {
  const name = serverName ?? (isIP(host) === 0 ? host : null)
  return { ...(name && { servername: name }), ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

async function pem(key: string, file: string | null | undefined): Promise<Buffer | null> {
  if (file == null) return null
  try {
    return await readFile(file)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new KafkaError('gone', `${key} cannot be read: ${why}`, { cause: error })
  }
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
])

/** Alerts that a server sends about the certificate of who comes (RFC 8446 §6.2), as OpenSSL names them. */
const OUR_CERTIFICATE = /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED)/
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TOO_SMALL|UNEXPECTED_MESSAGE/

/** What broke a connection to `peer`, in words that say what to mend; nothing secret is in them. */
export function whyBroken(peer: string, error: Error, handshaking: boolean): KafkaError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const words = wordsFor(code, error, handshaking)
  const denied = OUR_CERTIFICATE.test(code)
  const what = handshaking ? `cannot connect to ${peer}` : `the connection to ${peer} broke`
  return new KafkaError(denied ? 'denied' : 'gone', `${what}: ${words ?? error.message}`, { cause: error })
}

function wordsFor(code: string, error: Error, handshaking: boolean): string | null {
  if (UNTRUSTED.has(code)) {
    return 'its certificate is not from an authority that we trust (name the authority by ssl.caFile)'
  }
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate, or that of its authority, has expired'
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate, or that of its authority, is not valid yet'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (error as { readonly cert?: { readonly subjectaltname?: string } }).cert?.subjectaltname
    return `its certificate is for another name, ${names ?? 'none'} (ssl.serverName says which one to expect)`
  }
  if (OUR_CERTIFICATE.test(code)) {
    return `it does not accept our certificate, or wants one (ssl.certFile, ssl.keyFile): ${error.message}`
  }
  if (NOT_TLS.test(code)) return 'it does not speak TLS at this port (ssl is set)'
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'ssl.keyFile is not the key of ssl.certFile'
  if (code.startsWith('ERR_OSSL_')) return `ssl.caFile, ssl.certFile or ssl.keyFile cannot be used: ${error.message}`
  const closedEarly = handshaking && code === 'ECONNRESET' && error.message.includes('TLS')
  return closedEarly ? 'it closed the connection in the TLS handshake (does this port speak TLS?)' : null
}
