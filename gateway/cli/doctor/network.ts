/** What the system says of a connection that does not come about, in words. */
const WORDS: { readonly [code: string]: string } = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'nobody answers',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answers',
  UND_ERR_SOCKET: 'the connection was cut',
}

const CAUSES_MAX = 5

/** The system's or the database's code of an error, or of the nearest cause that has one. */
export function codeOf(error: unknown): string | null {
  let one = error
  for (let i = 0; i < CAUSES_MAX && one instanceof Error; i++) {
    const { code, errors } = one as { readonly code?: unknown; readonly errors?: readonly unknown[] }
    if (typeof code === 'string') return code
    one = errors?.[0] ?? one.cause
  }
  return null
}

/** Why nobody could be reached; null where somebody was. */
export function whyAway(error: unknown): string | null {
  return WORDS[codeOf(error) ?? ''] ?? null
}

const TLS = [
  [/CERT_HAS_EXPIRED/, 'its certificate has expired', 'have it renewed, or set the clock of this machine'],
  [/CERT_NOT_YET_VALID/, 'its certificate is not valid yet', 'set the clock of this machine'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'its certificate is for another name',
    'use the name that stands in the certificate',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|DEPTH_ZERO|CERT_SIGNATURE|INVALID_CA/,
    'its certificate is not from an authority that we trust',
    'name the authority by NODE_EXTRA_CA_CERTS, or have a certificate from a known one',
  ],
  [
    /^ERR_SSL|^EPROTO/,
    'it does not speak TLS as we do',
    'look at the port, and whether it speaks TLS 1.2 or newer at all',
  ],
] as const

/** What is wrong with TLS, and its fix; null where it is something else. */
export function whyUntrusted(error: unknown): { readonly message: string; readonly fix: string } | null {
  const code = codeOf(error) ?? ''
  const found = TLS.find(([pattern]) => pattern.test(code))
  return found === undefined ? null : { message: found[1], fix: found[2] }
}

/** A host that can be dialled where one listens on all addresses. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

/** Scheme, host and port of an address: what may be shown of one that holds a password. */
export function shownAddress(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}
