import type { Transport } from '../../gateway/transport/contract.ts'
import type { Bench } from '../integration/support/bench.ts'
import { LinesClient } from '../integration/support/lines.ts'
import { SseClient, type Frame } from '../integration/support/sse.ts'
import { until } from '../integration/support/until.ts'
import { WsClient } from '../integration/support/webSocket.ts'
import { assertPage, assertProblem } from './wire.ts'

/** A client of one stream, whatever its transport. */
export interface Listener {
  /** A payload of the format `raw` is a frame without a type. */
  readonly frames: readonly Frame[]
  /** Code of a refusal that came as a status; '' where there is none. */
  readonly problem: string
  destroy(): void
}

export interface Asking {
  readonly query?: string
  readonly token?: string
  readonly lastEventId?: string
}

export const ENDLESS = ['websocket', 'sse', 'ndjson'] as const satisfies readonly Transport[]
export const TRANSPORTS = [...ENDLESS, 'page'] as const satisfies readonly Transport[]

export function listen(at: Transport, bench: Bench, asking: Asking = {}): Listener {
  const { query = '', token = bench.token(), lastEventId } = asking
  const url = bench.stream + query
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }
  if (at === 'page') return new PageClient(url, { Authorization: `Bearer ${token}`, ...headers })
  if (at === 'websocket') {
    const client = new WsClient(url, { token, headers })
    return {
      frames: client.frames,
      get problem() {
        return codeOf(client.refusal?.body ?? '')
      },
      destroy: () => client.destroy(),
    }
  }
  const client = at === 'sse' ? new SseClient(url, { token, headers }) : new LinesClient(url, { token, headers })
  return {
    get frames() {
      return client.frames
    },
    get problem() {
      return client.ended ? codeOf(client.body) : ''
    },
    destroy: () => client.destroy(),
  }
}

export function frameOf(listener: Listener, what: string, wanted: (frame: Frame) => boolean): Promise<Frame> {
  return until(
    () => `${what} among ${JSON.stringify(listener.frames).slice(0, 2_000)} ${listener.problem}`,
    () => listener.frames.find(wanted),
  )
}

/** One page: its records, gaps and notices, in this order. */
class PageClient implements Listener {
  readonly frames: Frame[] = []
  problem = ''
  readonly #gone = new AbortController()

  constructor(url: string, headers: { readonly [name: string]: string }) {
    // Who destroys it has seen enough.
    this.#get(url, headers).catch((error: unknown) => {
      if (!this.#gone.signal.aborted) throw error
    })
  }

  destroy(): void {
    this.#gone.abort()
  }

  async #get(url: string, headers: { readonly [name: string]: string }): Promise<void> {
    const answer = await fetch(url, { headers, signal: this.#gone.signal })
    const body = (await answer.json()) as { readonly [list in 'records' | 'gaps' | 'notices']: readonly Frame[] }
    if (!answer.ok) {
      assertProblem(body, answer.status)
      this.problem = codeOf(JSON.stringify(body))
      return
    }
    assertPage(body)
    this.frames.push(...body.records, ...body.gaps, ...body.notices)
  }
}

function codeOf(body: string): string {
  return body === '' ? '' : (JSON.parse(body) as { code: string }).code
}
