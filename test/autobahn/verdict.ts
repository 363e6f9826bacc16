import { ERRORS } from '../../gateway/errors.ts'
import type { CaseReport } from './testsuite.ts'

/**
 * All that RFC 6455 says of framing, pings, reserved bits, opcodes, fragments, UTF-8 and the close. Left out: 9, messages of up to
 * 16 MB, where the listener takes 256 KiB; 12 and 13, compression, which is never agreed to: one of each sees that.
 */
export const CASES: readonly string[] = ['1.*', '2.*', '3.*', '4.*', '5.*', '6.*', '7.*', '10.*', '12.1.1', '13.1.1']

/** Which server was asked: one that sends messages back, or a session, which takes JSON frames. */
export type AgentName = 'echo' | 'session'

/**
 * Accepted beside `OK`, each for its reason. In 3, 4 and 5.15 the echo of what came before the violation may be lost with the connection,
 * that is to be failed at once; in 6.4 bad UTF-8 is found at the end of the message, not at its first bad byte.
 */
const NON_STRICT = /^(?:3\.[234]|4\.[12]\.[345]|5\.15|6\.4\.[1-4])$/
/** What the RFC leaves open: which of both ends is heard first, and close codes that nobody may use. */
const INFORMATIONAL = /^7\.(?:1\.6|13\.[12])$/
/** Asks for compression. */
const UNIMPLEMENTED = /^1[23]\./
/** A session's answer to messages that are none of its frames. */
const SESSION_CLOSES: readonly number[] = [ERRORS['bad-frame'].close, ERRORS['too-big'].close]

/** Why a case failed; null where its outcome is right. */
export function whyFailed(report: CaseReport): string | null {
  const { id, behavior, behaviorClose, remoteCloseCode, result, resultClose } = report
  if (report.agent === 'session' && wantsMessage(report)) {
    if (remoteCloseCode !== null && SESSION_CLOSES.includes(remoteCloseCode)) return null
    return `closed with ${remoteCloseCode}, where ${SESSION_CLOSES.join(' or ')} was due: ${result} ${resultClose}`
  }
  const passed = accepted(id).includes(behavior) && ['OK', 'INFORMATIONAL', 'UNIMPLEMENTED'].includes(behaviorClose)
  return passed ? null : `${behavior}, ${behaviorClose}: ${result} ${resultClose}`
}

function accepted(id: string): readonly string[] {
  if (UNIMPLEMENTED.test(id)) return ['UNIMPLEMENTED']
  if (INFORMATIONAL.test(id)) return ['INFORMATIONAL']
  return NON_STRICT.test(id) ? ['OK', 'NON-STRICT'] : ['OK']
}

/** A whole and valid message reaches whoever serves the connection. */
function wantsMessage({ expected }: CaseReport): boolean {
  return Object.values(expected).some((events) => events.some(([what]) => what === 'message'))
}
