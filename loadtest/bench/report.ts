import type { Idle } from './idle.ts'
import { isOver, median, type Ratio } from './ratio.ts'
import type { Round } from './round.ts'

/** What a run found, as it is printed and written. */
export interface Figure extends Round {
  readonly shape: string
}

export interface Findings {
  readonly machine: string
  readonly ratios: readonly Ratio[]
  /** Medians of the rounds. */
  readonly figures: readonly Figure[]
  readonly idle: readonly (Idle & { readonly transport: string })[]
}

const MEDIAN_OF = ['cpu', 'deliveries', 'p50Ms', 'p99Ms', 'p999Ms', 'maxMs', 'rssKiB', 'redisCalls'] as const

export function figureOf(shape: string, arm: string, rounds: readonly Round[]): Figure {
  const values = MEDIAN_OF.map((name) => [name, median(rounds.map((round) => round[name]))] as const)
  return { shape, arm, ...(Object.fromEntries(values) as Omit<Round, 'arm'>) }
}

/** Markdown tables: the ratios, then what they are made of. */
export function textOf({ machine, ratios, figures, idle }: Findings): string {
  const ratioRows = ratios.map((one) => {
    const { name, value, band, budget } = one
    const verdict = budget === null ? '' : isOver(one) ? 'over' : 'held'
    return [name, value.toFixed(2), `±${band.toFixed(2)}`, budget === null ? '' : budget.toFixed(2), verdict]
  })
  const figureRows = figures.map((one) => [
    one.shape,
    one.arm,
    one.cpu.toFixed(2),
    String(Math.round(one.deliveries)),
    ...[one.p50Ms, one.p99Ms, one.p999Ms, one.maxMs].map((ms) => ms.toFixed(1)),
    String(Math.round(one.rssKiB / 1024)),
    String(one.redisCalls),
  ])
  const figureHead = 'shape,arm,CPU s/M,deliveries,p50 ms,p99,p99.9,max,RSS MiB,Redis calls'.split(',')
  const idleRows = idle.map((one) => [
    one.transport,
    one.arm,
    String(one.connections),
    (one.bytesEach / 1024).toFixed(1),
    String(Math.round(one.perSecond)),
    one.cpuMsEach.toFixed(3),
  ])
  const tables = [
    table(['ratio', 'value', 'band', 'budget', ''], ratioRows),
    table(figureHead, figureRows),
    table('idle,arm,connections,KiB each,opened per s,CPU ms each'.split(','), idleRows),
  ]
  return `${machine}\n\n${tables.join('\n\n')}\n`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
