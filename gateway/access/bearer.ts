import { refuse, type Refusal } from '../errors.ts'

/** RFC 6750 §2.1: the characters of a token, whatever is in it. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/** The token of an `Authorization` header; null where there is none (absent or empty), a refusal where it is no Bearer token. */
export function bearerFrom(header: string | null | undefined): string | null | Refusal {
  const value = (header ?? '').trim()
  if (value === '') return null
  const token = BEARER.exec(value)?.[1]
  if (token !== undefined) return token
  // What was sent is not repeated: it may well be a password.
  const detail = /^bearer(\s|$)/i.test(value)
    ? 'The Authorization header must hold exactly one token after "Bearer".'
    : 'The Authorization header must be of the scheme Bearer.'
  return refuse('unauthenticated', detail, { parameter: 'authorization' })
}
