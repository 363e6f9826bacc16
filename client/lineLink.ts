import { endingOfHttp, lost, type Ending } from './ending.ts'
import type { Link, LinkOptions } from './link.ts'

/** A record is 1 MiB at most where the operator sets nothing else; a line without an end must not fill the memory. */
const LINE_CHARS_MAX = 128 * 1024 * 1024
const PROBLEM_CHARS_MAX = 64 * 1024

/** Frames as lines of JSON over `fetch`: where there is no WebSocket, and in browsers for those who read slowly. */
export function connectByLines(options: LinkOptions): Link {
  return new LineLink(options)
}

class LineLink implements Link {
  readonly #options: LinkOptions
  readonly #abort = new AbortController()
  #over = false
  /** Set while it is held up. */
  #paused: PromiseWithResolvers | null = null
  #rest = ''

  constructor(options: LinkOptions) {
    this.#options = options
    void this.#run()
  }

  pause(): boolean {
    this.#paused ??= withResolvers()
    return true
  }

  resume(): void {
    this.#paused?.resolve()
    this.#paused = null
  }

  /** A stream over HTTP goes one way: a newer token comes with the next request. */
  send(): boolean {
    return false
  }

  close(): void {
    this.#over = true
    this.resume()
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    let reached = false
    try {
      const response = await this.#ask()
      reached = true
      const ending = (await this.#refusal(response)) ?? (await this.#read(response))
      this.#end(ending)
    } catch (error) {
      this.#end(lost(reasonOf(error), reached))
    }
  }

  #ask(): Promise<Response> {
    const { url, token } = this.#options
    const headers = { accept: 'application/x-ndjson', ...(token !== null && { authorization: `Bearer ${token}` }) }
    return fetch(url, { headers, signal: this.#abort.signal })
  }

  async #refusal(response: Response): Promise<Ending | null> {
    const isStream = response.headers.get('content-type')?.startsWith('application/x-ndjson') ?? false
    if (response.ok && isStream) return null
    const { status } = response
    const otherwise = `HTTP ${status}${response.ok ? ': no stream is there' : ''}`
    const body = response.ok ? '' : (await response.text()).slice(0, PROBLEM_CHARS_MAX)
    this.#abort.abort()
    return endingOfHttp(
      { status, retryAfter: response.headers.get('retry-after'), body, otherwise },
      this.#options.clock.now(),
    )
  }

  async #read({ body }: Response): Promise<Ending> {
    if (body === null) return lost('the answer has no body')
    this.#options.onOpen()
    const decoder = new TextDecoder()
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.#over) return lost('the connection was lost')
      this.#rest += decoder.decode(value, { stream: true })
      if (this.#rest.length > LINE_CHARS_MAX) return lost('a line has no end')
      await this.#takeLines()
    }
  }

  /** A chunk holds many lines, and one that is held up stays where it is. */
  async #takeLines(): Promise<void> {
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      await this.#paused?.promise
      if (this.#over) return
      if (line.trim() !== '') this.#options.onText(line)
    }
    await this.#paused?.promise
  }

  #end(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#abort.abort()
    this.#options.onEnd(ending)
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  resolve(): void
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

/** What `fetch` says is "fetch failed"; why stands behind it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  if (inner instanceof Error) return inner.message || inner.name
  return error instanceof Error ? error.message : String(error)
}
