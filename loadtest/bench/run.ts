import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../gateway/package.ts'
import { findServices } from '../../test/services/find.ts'
import { startArm, type Arm, type Stage } from './arm.ts'
import { topicOf } from './document.ts'
import { Feed } from './feed.ts'
import { measureIdle, type Idle } from './idle.ts'
import { Load } from './load.ts'
import { bandOf, isOver, ratioOf, type Budgets, type Ratio } from './ratio.ts'
import { figureOf, textOf, type Figure } from './report.ts'
import { runRound, type Round } from './round.ts'
import { SHAPES, type Shape } from './shape.ts'

/**
 * `npm run bench [-- --short] [--only NAME] [--json FILE] [--check] [--rounds N] [--seconds N] [--profile FOLDER]`: the gateway beside what the raw libraries
 * do on the same machine in the same minutes. `--check`: exit code 1 where a ratio is over its budget by more than the noise.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  const { short, only, json, check, profile = null } = values
  const shapes = SHAPES.filter((one) => only?.includes(one.name) ?? (!short || one.short))
  const idles = IDLE.filter((transport) => only?.includes(`idle-${transport}`) ?? true)
  if (shapes.length + idles.length === 0)
    throw new Error(`nothing to run; shapes: ${SHAPES.map(({ name }) => name).join(' ')}`)
  const rounds = Number(values.rounds ?? (short ? 3 : 5))
  const ms = Number(values.seconds ?? (short ? 2 : 4)) * 1000
  const services = await findServices(['kafka', 'redis'])
  const [kafka, redis] = services.map(({ value }) => value) as [string, string]
  const load = new Load()
  const idle: (Idle & { readonly transport: 'ws' | 'sse' })[] = []
  const ran: (readonly [Shape, readonly Round[]])[] = []
  try {
    const place = { brokers: kafka.split(','), redis, profiles: profile }
    for (const transport of idles) {
      const connections = short ? IDLE_SHORT : IDLE_LONG
      for (const one of await measureIdle(transport, connections, load, place)) idle.push({ transport, ...one })
    }
    for (const shape of shapes) {
      ran.push([shape, await runShape(shape, load, rounds, ms, place)])
    }
  } finally {
    await load.end()
    await Promise.all(services.map((service) => service.stop()))
  }
  const figures = ran.flatMap(([shape, all]) => figuresOf(shape, all))
  const ratios = [
    ...ran.flatMap(([shape, all]) => ratiosOf(shape, all)),
    ...acrossShapes(figures),
    ...openingRatios(idle),
  ]
  const findings = { machine: machine(), ratios, figures, idle }
  console.log(textOf(findings))
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(findings, null, 2)}\n`)
  const over = ratios.filter(isOver)
  console.log(`${ratios.length - over.length} passed, ${over.length} failed`)
  return check && over.length > 0 ? 1 : 0
}

const IDLE = ['ws', 'sse'] as const
const IDLE_SHORT = 2_000
const IDLE_LONG = 10_000

type Place = Pick<Stage, 'brokers' | 'redis' | 'profiles'>

/** The arms by turns, so that whatever else the machine does meets all of them. */
async function runShape(shape: Shape, load: Load, rounds: number, ms: number, place: Place): Promise<Round[]> {
  const prefix = `bench.${randomBytes(4).toString('hex')}`
  const topics = Array.from({ length: shape.topics }, (_, lane) => topicOf(prefix, lane))
  const feed = await Feed.open(shape, place.brokers, topics)
  const arms: Arm[] = []
  const done: Round[] = []
  try {
    for (const name of shape.arms) arms.push(await startArm(name, { ...place, shape, prefix, topics, feed }))
    for (let round = 0; round < rounds; round++) {
      for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
        const one = await runRound(arm, shape, load, ms)
        console.error(`${shape.name} ${arm.name}: ${one.cpu.toFixed(2)} s per million, p99 ${one.p99Ms.toFixed(1)} ms`)
        done.push(one)
      }
    }
    return done
  } finally {
    await Promise.all(arms.map((arm) => arm.end()))
    await feed.close()
  }
}

function figuresOf(shape: Shape, rounds: readonly Round[]): Figure[] {
  return shape.arms.map((arm) =>
    figureOf(
      shape.name,
      arm,
      rounds.filter((one) => one.arm === arm),
    ),
  )
}

const BUDGETS = JSON.parse(readFileSync(join(packageRoot, 'loadtest/budgets.json'), 'utf8')) as Budgets

function ratioNamed(name: string, value: number, band: number): Ratio {
  return { name, value, band, budget: BUDGETS[name] ?? null }
}

/** The gateway against each raw arm of its shape: CPU per delivery, and latency beside the bare Kafka loop. */
function ratiosOf({ name, arms }: Shape, rounds: readonly Round[]): Ratio[] {
  const raw = arms.find((arm) => arms.includes(`${arm}'` as typeof arm))
  if (raw === undefined) return []
  const cpu = (one: Round): number => one.cpu
  const p99 = (one: Round): number => one.p99Ms
  const against = arms.filter((arm) => arm === raw || arm === 'B1')
  const ratios = against.map((arm) =>
    ratioNamed(`${name}-cpu-vs-${arm.toLowerCase()}`, ratioOf(rounds, 'G', arm, cpu), bandOf(rounds, raw, cpu)),
  )
  if (!arms.includes('B1')) return ratios
  return [...ratios, ratioNamed(`${name}-p99-vs-b1`, ratioOf(rounds, 'G', 'B1', p99), bandOf(rounds, raw, p99))]
}

/** What one shape of the gateway costs against another. */
const ACROSS = [
  ['ws-16-per-turn-vs-1', 'ws-1x1000-200B-16', 'ws-1x1000-200B'],
  ['views-10000-vs-1', 'views-10000', 'views-1'],
] as const

/** How late records come in one shape of the gateway beside another. */
const LATE_ACROSS = [['p99-with-stalled-vs-without', 'ws-1x500-10KB-stalled', 'ws-1x500-10KB']] as const

function acrossShapes(figures: readonly Figure[]): Ratio[] {
  const of = (wanted: string): Figure | undefined => figures.find(({ shape, arm }) => shape === wanted && arm === 'G')
  const against = (pairs: typeof ACROSS | typeof LATE_ACROSS, value: 'cpu' | 'p99Ms'): Ratio[] =>
    pairs.flatMap(([name, many, one]) => {
      const [over, under] = [of(many), of(one)]
      return over && under ? [ratioNamed(name, over[value] / under[value], 0.1)] : []
    })
  return [...against(ACROSS, 'cpu'), ...against(LATE_ACROSS, 'p99Ms')]
}

/** How fast connections with a token that was seen before come in, beside the raw upgrade. */
function openingRatios(idle: readonly (Idle & { readonly transport: string })[]): Ratio[] {
  const [raw, ours] = idle.filter(({ transport }) => transport === 'ws')
  if (raw === undefined || ours === undefined) return []
  return [ratioNamed('connect-raw-vs-gateway', raw.perSecond / ours.perSecond, 0.2)]
}

function machine(): string {
  const [cpu] = cpus()
  return `Node ${process.version}, ${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`
}

process.exitCode = await main()
