import { median } from './median.ts'

/** What is measured: heading, and digits behind the point. */
export const COLUMNS = {
  cpuSecondsPerMillion: ['CPU s/M', 2],
  deliveries: ['deliveries', 0],
  offeredPerSecond: ['offered/s', 0],
  p50Ms: ['p50 ms', 1],
  p99Ms: ['p99 ms', 1],
  p999Ms: ['p99.9 ms', 1],
  maxMs: ['max ms', 1],
  rssMiB: ['RSS MiB', 0],
  redisCalls: ['Redis calls', 0],
  connections: ['connections', 0],
  kibEach: ['KiB each', 1],
  openedPerSecond: ['opened/s', 0],
  cpuMsEach: ['CPU ms each', 3],
  megabytesPerSecond: ['MB/s', 0],
  clientsBusy: ['clients busy', 2],
} as const satisfies { readonly [column: string]: readonly [string, number] }

export type Column = keyof typeof COLUMNS
export type Values = { readonly [column in Column]?: number }

/** What one arm did in one slice of a run. */
export interface Sample {
  readonly arm: string
  readonly values: Values
}

/** Medians of the samples of an arm. */
export interface Figure extends Sample {
  /** What was measured: the shape's name. */
  readonly of: string
}

export function valueOf({ values }: Sample, column: Column): number {
  return values[column] ?? Number.NaN
}

export function figuresOf(of: string, samples: readonly Sample[]): readonly Figure[] {
  const arms = [...new Set(samples.map(({ arm }) => arm))]
  return arms.map((arm) => {
    const own = samples.filter((one) => one.arm === arm)
    const columns = Object.keys(own[0]?.values ?? {}) as Column[]
    const medians = columns.map((column) => [column, median(own.map((one) => valueOf(one, column)))] as const)
    return { of, arm, values: Object.fromEntries(medians) }
  })
}
