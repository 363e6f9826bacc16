import { openDevelopmentIssuer } from '../access/developmentIssuer.ts'
import type { Product } from '../catalog/plan.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { createPortal } from '../portal/portal.ts'
import type { PortalContext } from '../transport/portal.ts'

/** Whom tokens of the page speak for: not the one of the line that `weir start` prints, whose places it would take. */
const CONSUMER = 'portal'
const TTL_MS = 3_600_000

/** The pages for people, or `null` where the operator wants none. */
export function openPortal(config: Config, products: () => readonly Product[], clock: Clock): PortalContext | null {
  if (!config.portal) return null
  const { access, listen } = config
  return {
    pages: createPortal(),
    publicUrl: listen.publicUrl,
    issuers: access.issuers.map(({ issuer }) => issuer),
    developmentToken: isTrial(config) ? () => makeToken(config, products(), clock) : null,
  }
}

/** Only where the records are our own recordings, the tokens our own, and nobody else is meant to come: nothing of anybody is opened. */
function isTrial({ embedded, access, listen }: Config): boolean {
  return embedded && access.issuers.length === 0 && listen.publicUrl === null
}

async function makeToken(
  { dataDir }: Config,
  products: readonly Product[],
  clock: Clock,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  const issuer = await openDevelopmentIssuer(dataDir, clock)
  const scopes = products.flatMap(({ streams }) => streams.flatMap(({ scope }) => scope ?? []))
  return issuer.issueToken({ consumer: CONSUMER, ttlMs: TTL_MS, scope: [...new Set(scopes)].join(' ') })
}
