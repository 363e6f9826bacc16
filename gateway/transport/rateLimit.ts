import type { QuotaWindow } from './gate.ts'
import type { Headers } from './reply.ts'

/**
 * What an agreement may take, and what is left of it as far as this node knows (draft-ietf-httpapi-ratelimit-headers-10): one policy a
 * window and unit. Bytes are those of Kafka values, so the units have names of our own.
 */
export function rateLimitHeaders(windows: readonly QuotaWindow[], now: number): Headers {
  if (windows.length === 0) return {}
  const limits = windows.flatMap((window) => limitOf(window, now))
  return {
    'RateLimit-Policy': windows.map(policyOf).join(', '),
    ...(limits.length > 0 && { RateLimit: limits.join(', ') }),
  }
}

function policyOf({ name, unit, limit, lengthMs }: QuotaWindow): string {
  const length = lengthMs === null ? '' : `;w=${Math.ceil(lengthMs / 1000)}`
  return `"${policyName(name, unit)}";q=${limit};qu="weir-${unit}"${length}`
}

function limitOf({ name, unit, limit, state }: QuotaWindow, now: number): string[] {
  if (state === null) return []
  const seconds = Math.max(0, Math.ceil((state.resetsAt - now) / 1000))
  return [`"${policyName(name, unit)}";r=${Math.max(0, limit - state.used)};t=${seconds}`]
}

function policyName(window: string, unit: QuotaWindow['unit']): string {
  return unit === 'messages' ? window : `${window}-bytes`
}
