import { decodeMessage, encodeMessage, type Envelope } from './codec.ts'

/**
 * The last word on a boot that ended without one, by the newest message that its journal has: nothing of it will follow. Without it the ledger
 * would wait for that boot for ever, and no report would be complete again. `before`: ms since 1970.
 */
export function endingOf(last: Envelope | null, before: number): readonly Envelope[] {
  const message = last === null ? null : decodeMessage(last)
  if (message === null || message.kind === 'damaged') return []
  if (message.kind === 'watermark' && message.final) return []
  const id = { ...message.id, seq: message.id.seq + 1 }
  return [encodeMessage({ kind: 'watermark', id, before, final: true })]
}
