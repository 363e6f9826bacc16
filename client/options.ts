import { systemClock, systemRandom, type Clock } from './clock.ts'
import { connectByLines } from './lineLink.ts'
import type { Connect } from './link.ts'
import { connectBySocket, type SocketConstructor } from './socketLink.ts'
import type { State } from './state.ts'
import type { TokenSource } from './tokens.ts'

export interface FollowOptions {
  /** Of a stream: `https://HOST/streams/PRODUCT/STREAM`; `http:`, `ws:` and `wss:` as well. */
  readonly url: string | URL
  /** The token, or what gets one: asked at first, before the one it gave expires, and after a refusal that says it has. */
  readonly token?: TokenSource
  /** `latest` (the default), `earliest`, a time, a duration back from now, or a cursor. */
  readonly from?: string
  /** RSQL over filterable fields. */
  readonly where?: string
  /** Members of each payload. */
  readonly fields?: string | readonly string[]
  /** Values of the stream's own parameters: `{ station: 'KSEA' }` for `param.station`. */
  readonly params?: { readonly [name: string]: string }
  readonly format?: 'record' | 'cloudevents'
  /** Ends it, without an error. */
  readonly signal?: AbortSignal
  readonly onState?: (state: State) => void
  /** `WebSocket` of the package `ws`, say; absent: the global one. Null, or where there is none: lines over `fetch`. */
  readonly webSocket?: SocketConstructor | null
  /** Frames that are kept for a consumer that does not ask for them, before no more are read. */
  readonly bufferedFramesMax?: number
  /** So long without anything, and the line is dead. Three times the gateway's `limits.heartbeatMs`. */
  readonly silenceMsMax?: number
  /** For tests. */
  readonly clock?: Clock
  readonly random?: () => number
}

/** The options with what is meant where nothing is said. */
export interface Settings {
  readonly url: URL
  readonly from: string | null
  readonly token: TokenSource | undefined
  readonly connect: Connect
  readonly signal: AbortSignal
  readonly onState: (state: State) => void
  readonly bufferedFramesMax: number
  readonly silenceMsMax: number
  readonly clock: Clock
  readonly random: () => number
}

const BUFFERED_FRAMES_MAX = 1_000
const SILENCE_MS_MAX = 45_000

export function settingsOf(options: FollowOptions): Settings {
  const url = addressOf(options)
  return {
    url,
    from: options.from ?? url.searchParams.get('from'),
    token: options.token,
    connect: connectOf(options.webSocket),
    signal: options.signal ?? new AbortController().signal,
    onState: options.onState ?? (() => undefined),
    bufferedFramesMax: atLeastOne('bufferedFramesMax', options.bufferedFramesMax ?? BUFFERED_FRAMES_MAX),
    silenceMsMax: atLeastOne('silenceMsMax', options.silenceMsMax ?? SILENCE_MS_MAX),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  }
}

function connectOf(webSocket: SocketConstructor | null | undefined): Connect {
  const own = (globalThis as { readonly WebSocket?: unknown }).WebSocket as SocketConstructor | undefined
  const chosen = webSocket === undefined ? own : webSocket
  return chosen ? connectBySocket(chosen) : connectByLines
}

/** An option beats what the address already says. */
function addressOf({ url, where, fields, params = {}, format }: FollowOptions): URL {
  const address = new URL(url)
  if (!/^(?:https?|wss?):$/.test(address.protocol)) throw new TypeError(`${address.href} is no address of a stream`)
  address.protocol = address.protocol.replace('ws', 'http')
  address.hash = ''
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined) address.searchParams.set(name, value)
  }
  set('where', where)
  set('fields', typeof fields === 'string' ? fields : fields?.join(','))
  set('format', format)
  for (const [name, value] of Object.entries(params)) set(`param.${name}`, value)
  return address
}

function atLeastOne(name: string, value: number): number {
  if (!(value >= 1)) throw new RangeError(`${name} is ${value}, which is less than 1`)
  return value
}
