import { rowOf, type Refusal } from '../errors.ts'

/** RFC 9728 §2: where a client learns who issues tokens for this gateway. */
export interface ResourceMetadata {
  readonly resource: string
  readonly authorization_servers?: readonly string[]
  readonly bearer_methods_supported: readonly ['header']
  readonly scopes_supported?: readonly string[]
}

export const METADATA_PATH = '/.well-known/oauth-protected-resource'

/**
 * The `WWW-Authenticate` value of a refusal (RFC 6750 §3, RFC 9728 §5.1), or null where it has none: only a 401, and a 403
 * for want of a scope, can be answered with another token. Without a token there is no `error` (RFC 6750 §3.1).
 */
export function challengeOf(refusal: Refusal, tokenSent: boolean, publicUrl: string): string | null {
  const metadata = parameter('resource_metadata', trimmed(publicUrl) + METADATA_PATH)
  const { status } = rowOf(refusal.code)
  if (status === 401) return `Bearer ${tokenSent ? 'error="invalid_token", ' : ''}${metadata}`
  if (status !== 403 || refusal.scope === undefined) return null
  return `Bearer error="insufficient_scope", ${parameter('scope', refusal.scope)}, ${metadata}`
}

/** Issuers that are no address (the development issuer is a URN) cannot be asked for a token and are left out. */
export function resourceMetadata(
  publicUrl: string,
  issuers: readonly string[],
  scopes: Iterable<string>,
): ResourceMetadata {
  const servers = issuers.filter((issuer) => /^https?:\/\//i.test(issuer) && URL.canParse(issuer))
  const supported = [...new Set(scopes)].sort()
  return {
    resource: trimmed(publicUrl),
    ...(servers.length > 0 && { authorization_servers: servers }),
    bearer_methods_supported: ['header'],
    ...(supported.length > 0 && { scopes_supported: supported }),
  }
}

/** RFC 9110 §5.6.4: a quoted string; what no header may carry is dropped, since it could end the header. */
function parameter(name: string, value: string): string {
  return `${name}="${value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`
}

function trimmed(publicUrl: string): string {
  return publicUrl.replace(/\/+$/, '')
}
