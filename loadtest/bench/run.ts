import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../gateway/package.ts'
import { findServices } from '../../test/services/find.ts'
import { measuresToRepeat, verdicts, type Judged } from './again.ts'
import { roomyMeasure, tightMeasure } from './allowance.ts'
import { besideMeasure } from './beside.ts'
import { connectMeasure } from './connect.ts'
import { halfMeasure } from './half.ts'
import { idleMeasures } from './idle.ts'
import { Load } from './load.ts'
import type { Bench, Measure, Measured } from './measure.ts'
import { recordedIn } from './page.ts'
import { judge, type Budgets, type Ratio } from './ratio.ts'
import { replayMeasure } from './replay.ts'
import { textOf } from './report.ts'
import { findingsAcross, shapeMeasures } from './shapes.ts'
import { deleteTopics } from './topics.ts'

/**
 * `npm run bench [-- --short] [--only NAME] [--json FILE] [--record FILE] [--check] [--rounds N] [--seconds N] [--profile FOLDER]`: the gateway beside
 * what the raw libraries do on the same machine in the same minutes. `--check`: what is over its budget by more than the noise is measured again; exit
 * code 1 where it is over once more.
 */
const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    record: { type: 'string' },
    check: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    profile: { type: 'string' },
  },
})

const MEASURES: readonly Measure[] = [
  ...idleMeasures,
  connectMeasure,
  ...shapeMeasures,
  roomyMeasure,
  tightMeasure,
  halfMeasure,
  replayMeasure,
  besideMeasure,
]
const BUDGETS = JSON.parse(readFileSync(join(packageRoot, 'loadtest/budgets.json'), 'utf8')) as Budgets

async function main(): Promise<number> {
  const { only, short, json, record, check } = options
  const chosen = MEASURES.filter((one) => only?.includes(one.name) ?? (!short || one.short))
  const unknown = only?.filter((name) => !MEASURES.some((one) => one.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(' ')}; there are ${namesOf(MEASURES)}`)
  // Before anything is measured for nothing.
  if (record !== undefined) recordedIn(readFileSync(record, 'utf8'), '')
  const { first, second } = await withServices((bench) => measureTwice(chosen, bench, check))
  const ratios = verdicts(ratiosOf(first), ratiosOf(second))
  const findings = { machine: machine(), ratios, figures: first.flatMap(({ figures }) => figures) }
  const text = textOf(findings)
  console.log(text)
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(findings, null, 2)}\n`)
  if (record !== undefined) writeFileSync(record, recordedIn(readFileSync(record, 'utf8'), text))
  return verdict(ratios, check)
}

function verdict(ratios: readonly Judged[], check: boolean): number {
  const over = ratios.filter((one) => one.verdict === 'over')
  console.log(`${ratios.length - over.length} passed, ${over.length} failed`)
  return check && over.length > 0 ? 1 : 0
}

async function withServices<T>(act: (bench: Bench) => Promise<T>): Promise<T> {
  const { short, profile = null } = options
  const services = await findServices(['kafka', 'redis'])
  const [kafka, redis] = services.map(({ value }) => value) as [string, string]
  const load = new Load()
  try {
    return await act({
      ...{ brokers: kafka.split(','), redis, profiles: profile, load, short },
      rounds: Number(options.rounds ?? (short ? 2 : 5)),
      ms: Number(options.seconds ?? (short ? 2 : 4)) * 1000,
    })
  } finally {
    await load.end()
    await Promise.all(services.map((service) => service.stop()))
  }
}

interface Twice {
  readonly first: readonly Measured[]
  /** What had to be measured again. */
  readonly second: readonly Measured[]
}

async function measureTwice(chosen: readonly Measure[], bench: Bench, check: boolean): Promise<Twice> {
  const first = await measureAll(chosen, bench)
  const again = check ? measuresToRepeat(ratiosOf(first)) : []
  if (again.length > 0) console.error(`over its budget, measured again: ${again.join(' ')}`)
  const repeated = chosen.filter(({ name }) => again.includes(name))
  return { first, second: await measureAll(repeated, bench) }
}

async function measureAll(measures: readonly Measure[], bench: Bench): Promise<readonly Measured[]> {
  const done: Measured[] = []
  for (const measure of measures) done.push(await measure.run(bench))
  return done
}

function ratiosOf(measured: readonly Measured[]): readonly Ratio[] {
  const figures = measured.flatMap((one) => one.figures)
  const findings = [...measured.flatMap((one) => one.findings), ...findingsAcross(figures)]
  return findings.map((finding) => judge(finding, BUDGETS))
}

function namesOf(measures: readonly Measure[]): string {
  return measures.map(({ name }) => name).join(' ')
}

function machine(): string {
  const [cpu] = cpus()
  return `Node ${process.version}, ${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`
}

const FAREWELL_MS_MAX = 10_000

/** Whoever interrupts it leaves nothing behind either: processes end with this one. */
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => {
    const end = (): never => process.exit(128 + number)
    setTimeout(end, FAREWELL_MS_MAX)
    deleteTopics().then(end, end)
  })
}

process.exitCode = await main()
