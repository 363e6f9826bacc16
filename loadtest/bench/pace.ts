import { nowMicros } from './payload.ts'

/** An open loop: `send` is called for each tick that is due, with the time at which it was due, however late it is. */
export interface Pace {
  stop(): void
}

export function startPace(ticksPerSecond: number, send: (tick: number, dueMicros: number) => void): Pace {
  const begun = nowMicros()
  const everyMicros = 1_000_000 / ticksPerSecond
  let tick = 0
  let timer: NodeJS.Timeout | null = null
  const run = (): void => {
    while (begun + tick * everyMicros <= nowMicros()) {
      send(tick, begun + tick * everyMicros)
      tick++
    }
    timer = setTimeout(run, Math.max(0, (begun + tick * everyMicros - nowMicros()) / 1000))
  }
  run()
  return { stop: () => timer && clearTimeout(timer) }
}
