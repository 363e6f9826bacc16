import type { Clock } from '../clock.ts'
import { refuse, type Refusal } from '../errors.ts'

export interface FrameLimits {
  readonly framesPerSecondMax: number
  readonly frameBytesMax: number
}

/** What a client may send at all, before anything of it is read. */
export class FrameGuard {
  readonly #limits: FrameLimits
  readonly #clock: Pick<Clock, 'monotonic'>
  #second = 0
  #count = 0

  constructor(limits: FrameLimits, clock: Pick<Clock, 'monotonic'>) {
    this.#limits = limits
    this.#clock = clock
  }

  refusal(bytes: Buffer, isBinary: boolean): Refusal | null {
    const { frameBytesMax, framesPerSecondMax } = this.#limits
    if (bytes.byteLength > frameBytesMax)
      return refuse('too-big', `A frame has at most ${frameBytesMax} bytes; this one had ${bytes.byteLength}.`)
    if (isBinary) return refuse('bad-frame', 'Frames of a client are JSON text; this one was binary.')
    const second = Math.floor(this.#clock.monotonic() / 1000)
    if (second !== this.#second) this.#count = 0
    this.#second = second
    if (++this.#count <= framesPerSecondMax) return null
    return refuse('too-many-frames', `More than ${framesPerSecondMax} frames within a second.`)
  }
}
