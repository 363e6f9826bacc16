import { refuse, type Refusal } from '../errors.ts'
import type { Headers } from './reply.ts'

/** Which web pages a browser lets read our answers (WHATWG Fetch §3.2): those of the origins that the operator named. */
export interface Cors {
  /** Of every answer. `origin` as the browser sent it; empty where none did. */
  headers(origin: string): Headers
  /** Of the answer that lets a page ask with a token and a cursor. */
  readonly preflight: Headers
  /** Why a page may not ask; `null` where it may, or where no page asks. `host` is the request's own. */
  refusal(origin: string, host: string): Refusal | null
  /** Without a list no page of another origin is served, and none is turned away: WebSockets ask nobody. */
  readonly enabled: boolean
}

const ANY_ORIGIN = '*'

/** What a page may read of an answer, beside what every page may (Fetch §3.3.3). */
const EXPOSED = 'Link, ETag, Retry-After, WWW-Authenticate, RateLimit, RateLimit-Policy'
/** What a page may send, beside what every page may: the last two are what EventSource polyfills and caches send. */
const ALLOWED = 'Authorization, Last-Event-ID, Accept, If-None-Match, Cache-Control'
/** As long as any browser keeps the answer to a preflight, but for those that keep it longer. */
const PREFLIGHT_S_MAX = 7_200

/**
 * No answer allows credentials: a token is a header that the page itself sets, so a foreign page has nothing of the user's to
 * send along. `publicUrl` is where pages of our own come from; they need no permission.
 */
export function createCors(origins: readonly string[], publicUrl: () => string): Cors {
  const everyone = origins.includes(ANY_ORIGIN)
  const known = new Set(origins)
  const allows = (origin: string): boolean => everyone || known.has(origin)
  // Whoever caches an answer has to know that another origin gets another one, also where this one got nothing.
  const vary: Headers = everyone || origins.length === 0 ? {} : { Vary: 'Origin' }
  return {
    enabled: origins.length > 0,
    headers(origin) {
      if (origin === '' || !allows(origin)) return vary
      const allowed = everyone ? ANY_ORIGIN : origin
      return { 'Access-Control-Allow-Origin': allowed, 'Access-Control-Expose-Headers': EXPOSED, ...vary }
    },
    preflight: {
      'Access-Control-Allow-Methods': 'GET, HEAD',
      'Access-Control-Allow-Headers': ALLOWED,
      'Access-Control-Max-Age': String(PREFLIGHT_S_MAX),
    },
    refusal(origin, host) {
      if (origin === '' || origins.length === 0 || allows(origin) || isOwn(origin, host, publicUrl())) return null
      return refuse(
        'forbidden',
        `Web pages of the origin ${shown(origin)} are not let in here; ask who runs this gateway to allow it.`,
      )
    },
  }
}

/** Clients that are no browsers send the address that they connect to as their origin, too. */
function isOwn(origin: string, host: string, publicUrl: string): boolean {
  if (origin === `http://${host}` || origin === `https://${host}`) return true
  return URL.canParse(publicUrl) && new URL(publicUrl).origin === origin
}

function shown(origin: string): string {
  return origin.replace(/[^\x21-\x7e]/g, '').slice(0, 100)
}
