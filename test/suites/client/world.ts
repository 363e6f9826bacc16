import { follow, type FollowOptions, type Frame, type SocketConstructor, type State } from '../../../client/follow.ts'
import { FastClock } from './clocks.ts'
import { ScriptedGateway, type Act } from './scriptedGateway.ts'

/** A way of the client to a gateway: the suite runs over each. */
export interface Way {
  /** Null: lines over `fetch`. */
  readonly webSocket: SocketConstructor | null
  /** Whether frames go both ways. */
  readonly talks: boolean
}

export type Client = AsyncGenerator<Frame, void, undefined> & { readonly states: State[] }

/** A client that waits for what never comes must fail its test, not hang it. */
const TEST_MS_MAX = 30_000

/** Gateways and clients of one test, which leaves nothing behind. */
export class World {
  readonly way: Way
  readonly #gateways: ScriptedGateway[] = []
  readonly #ends = new AbortController()

  constructor(way: Way) {
    this.way = way
  }

  async play(...acts: readonly Act[]): Promise<ScriptedGateway> {
    const gateway = await ScriptedGateway.play(...acts)
    this.#gateways.push(gateway)
    return gateway
  }

  follow(gateway: { readonly url: string }, options: Partial<FollowOptions> = {}): Client {
    const states: State[] = []
    const late = AbortSignal.timeout(TEST_MS_MAX)
    const signal = AbortSignal.any([this.#ends.signal, late, ...(options.signal ? [options.signal] : [])])
    const client = follow({
      url: gateway.url,
      token: 'T',
      webSocket: this.way.webSocket,
      clock: new FastClock(),
      random: () => 0.5,
      // Ten seconds of real time: no test here is about silence but the one that owns its time.
      silenceMsMax: 1_000_000,
      ...options,
      onState: (state) => {
        states.push(state)
        options.onState?.(state)
      },
      signal,
    })
    return Object.assign(client, { states })
  }

  async close(): Promise<void> {
    this.#ends.abort()
    for (const gateway of this.#gateways.splice(0)) await gateway.close()
  }
}

/** The next so many records; what is between them is left out. */
export async function take(client: Client, count: number): Promise<Frame[]> {
  const taken: Frame[] = []
  while (taken.length < count) {
    const { done, value } = await client.next()
    if (done) throw new Error(`the stream ended after ${taken.length} of ${count} records`)
    if (value.type === 'record') taken.push(value)
  }
  return taken
}

export function idsOf(frames: readonly Frame[]): string[] {
  return frames.map((frame) => ('id' in frame ? frame.id : frame.type))
}

/** `0-1` to `0-9`. */
export function idsFrom(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `0-${first + i}`)
}
