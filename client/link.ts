import type { Clock } from './clock.ts'
import type { Ending } from './ending.ts'

/** One connection that brings frames: the port of which WebSocket and lines over fetch are the two implementations. */
export interface Link {
  /** From here on nothing is read from the network, until `resume`. False where it cannot be held up. */
  pause(): boolean
  resume(): void
  /** False where this kind of connection takes no frames, or not now. */
  send(text: string): boolean
  /** Says goodbye; nothing is called any more. */
  close(): void
}

export interface LinkOptions {
  /** `http:` or `https:`, with all parameters. */
  readonly url: URL
  readonly token: string | null
  readonly clock: Clock
  /** It stands: what comes from now on is the stream's. */
  readonly onOpen: () => void
  readonly onText: (text: string) => void
  /** A sign of life that is no frame. */
  readonly onSign: () => void
  /** Once; nothing is called after it. */
  readonly onEnd: (ending: Ending) => void
}

export type Connect = (options: LinkOptions) => Link
