import { openDevelopmentIssuer } from '../access/developmentIssuer.ts'
import { parseSpan } from '../config/units.ts'
import { nearest } from '../drivers/nearest.ts'
import { configOrComplaints, EXIT, say, type Edge, type Exit } from './edge.ts'

export interface TokenOptions {
  readonly consumer: string
  readonly scope?: string
  readonly ttl: string
  readonly config?: string
  readonly json?: boolean
}

/** `weir token`: a token of the development issuer on stdout. */
export async function token(edge: Edge, { consumer, scope = '', ttl, json, ...options }: TokenOptions): Promise<Exit> {
  const ttlMs = parseSpan(ttl)
  if (ttlMs === null) {
    say(edge, `weir: --ttl ${JSON.stringify(ttl)} is no time — give 90s, 30m, 1h, 7d or PT1H`)
    return EXIT.usage
  }
  const config = configOrComplaints(edge, options.config)
  if (!config) return EXIT.usage
  const [issuer] = config.access.issuers
  if (issuer) {
    say(edge, `weir: tokens come from ${issuer.issuer} here (access.issuers) — ask it for one`)
    return EXIT.refused
  }
  const development = await openDevelopmentIssuer(config.dataDir, edge.clock)
  const issued = await development.issueToken({ consumer, scope, ttlMs })
  const expiresAt = new Date(issued.expiresAt).toISOString()
  edge.out.write(
    json ? `${JSON.stringify({ token: issued.token, consumer, scope, expiresAt })}\n` : `${issued.token}\n`,
  )
  if (!json) say(edge, `for ${consumer}, until ${expiresAt}`)
  const ids = config.consumers.map(({ id }) => id)
  const meant = ids.includes(consumer) ? null : nearest(consumer, ids)
  // Open products serve whoever has a token, so a name that stands nowhere is no error.
  if (meant !== null) say(edge, `weir: \`consumers\` has no ${consumer}; did you mean ${meant}?`)
  return EXIT.done
}
