import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { Clock, Timer } from '../../clock.ts'
import { ERRORS } from '../../errors.ts'
import { codeOfHttp, type Ending } from './advice.ts'

/*
 *   connecting ──open──▶ open ──close, error, silence──▶ ended
 *        └──refused by HTTP, unreachable────────────────────▲
 */

export interface ConnectionOptions {
  readonly url: URL
  readonly token: string | null
  readonly clock: Clock
  /** One text frame. */
  readonly onText: (text: string) => void
  /** Once; nothing is called after it. `unreachable` where no connection came about. */
  readonly onEnd: (end: Ending | { readonly unreachable: string }) => void
}

export interface Connection {
  /** No further frames are read from the network until `resume`. */
  pause(): void
  resume(): void
  /** Says goodbye; `onEnd` is not called any more. */
  close(): void
}

const HANDSHAKE_MS_MAX = 15_000
/** The gateway shows a sign of life every `heartbeatMs`; a connection this quiet after a ping is dead. */
const SILENCE_MS_MAX = 40_000
const GOODBYE_MS_MAX = 1_000
const FRAME_BYTES_MAX = 128 * 1024 * 1024
const PROBLEM_BYTES_MAX = 64 * 1024

export function connect({ url, token, clock, onText, onEnd }: ConnectionOptions): Connection {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(url, 'weir.v1', {
    headers,
    handshakeTimeout: HANDSHAKE_MS_MAX,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
  })
  let opened = false
  let over = false
  let failure = 'the connection was lost'

  const end = (how: Ending | { unreachable: string }): void => {
    if (over) return
    over = true
    silence.stop()
    onEnd(how)
  }

  const silence = watchSilence(clock, {
    ask: () => socket.ping(),
    giveUp: () => {
      failure = `nothing was heard for ${(2 * SILENCE_MS_MAX) / 1000} s`
      socket.terminate()
    },
  })

  socket.on('open', () => {
    opened = true
    silence.heard()
  })
  for (const sign of ['ping', 'pong']) socket.on(sign, () => silence.heard())
  socket.on('message', (data: Buffer, isBinary) => {
    silence.heard()
    if (!over && !isBinary) onText(data.toString('utf8'))
  })
  socket.on('unexpected-response', (_request, response) => {
    const refuse = async (): Promise<void> => end(await refusalOf(response))
    void refuse()
  })
  socket.on('error', (error) => (failure = reasonOf(error)))
  socket.on('close', (code, reason) => {
    if (!opened) return end({ unreachable: failure })
    end({ code, reason: reason.toString() || failure, retryAfterMs: null })
  })

  return {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close() {
      over = true
      silence.stop()
      if (socket.readyState === WebSocket.CLOSED) return
      socket.close(1000)
      const deadline = clock.after(GOODBYE_MS_MAX, () => socket.terminate())
      socket.once('close', () => deadline.cancel())
    },
  }
}

/** A dead peer sends no close: after one quiet period it is asked, after a second one it is given up. */
function watchSilence(clock: Clock, act: { ask(): void; giveUp(): void }): { heard(): void; stop(): void } {
  let timer: Timer | null = null
  const wait = (then: () => void): void => {
    timer?.cancel()
    timer = clock.after(SILENCE_MS_MAX, then)
  }
  return {
    heard: () =>
      wait(() => {
        act.ask()
        wait(() => act.giveUp())
      }),
    stop: () => timer?.cancel(),
  }
}

function reasonOf(error: Error): string {
  // Several addresses were tried: the error itself has no words, its parts have.
  const inner = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined
  return inner?.message || error.message || error.name
}

/** Why the handshake was refused, in the gateway's own words where it has any (RFC 9457). */
async function refusalOf(response: IncomingMessage): Promise<Ending> {
  const status = response.statusCode ?? 0
  const problem = await readProblem(response)
  const words = [problem['title'], problem['detail']].filter((one) => typeof one === 'string').join(': ')
  const seconds = Number(response.headers['retry-after'])
  return {
    code: codeOfHttp(status, problem['code']),
    reason: words || `HTTP ${status}${status < 300 ? ': no WebSocket is spoken there' : ''}`,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null,
  }
}

async function readProblem(response: IncomingMessage): Promise<{ readonly [field: string]: unknown }> {
  let text = ''
  try {
    for await (const chunk of response) {
      text += String(chunk)
      if (text.length > PROBLEM_BYTES_MAX) break
    }
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // Proxies answer with pages, or hang up: then the status is all there is to say.
    return {}
  }
}

/** Closing from this side because of something the gateway sent. */
export function endingOf(code: string, detail: string, retryAfter: unknown): Ending {
  const row = Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS] : null
  const retryAfterMs = typeof retryAfter === 'number' && retryAfter >= 0 ? retryAfter * 1000 : null
  return { code: row?.close ?? ERRORS.internal.close, reason: detail || (row?.title ?? code), retryAfterMs }
}
