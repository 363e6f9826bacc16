import { parseArgs } from 'node:util'
import { FAULTS } from './oracle.ts'
import { ALL_FAULTS } from './faults.ts'
import type { Fault } from './fault.ts'
import { writeReport, type Row } from './report.ts'
import type { Outcome } from './stage.ts'
import { World } from './world.ts'

/**
 * `npm run chaos [-- --seeds 20] [--first 1] [--fault NAME]… [--write]`: every fault with so many seeds, judged by one oracle. `--write` puts what
 * came of it into docs/reliability.md, for the faults that ran. Exit code 0 only where nothing was found.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20' },
      first: { type: 'string', default: '1' },
      fault: { type: 'string', multiple: true },
      write: { type: 'boolean', default: false },
    },
  })
  const faults = ALL_FAULTS.filter(({ name }) => values.fault?.includes(name) ?? true)
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.first) + i)
  if (faults.length === 0 || seeds.length === 0)
    throw new Error(`nothing to run; faults: ${ALL_FAULTS.map(({ name }) => name).join(' ')}`)
  let failed = 0
  for (const fault of faults) {
    const row = await runAll(fault, seeds)
    failed += row.failed
    if (values.write) writeReport([row])
  }
  console.log(`${faults.length * seeds.length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

/** A world for each fault: what one leaves behind is none of the next one's business. */
async function runAll(fault: Fault, seeds: readonly number[]): Promise<Row> {
  const world = await World.start(seeds.length)
  const outcomes: Outcome[] = []
  let failed = 0
  try {
    for (const seed of seeds) {
      const begun = performance.now()
      const outcome = await fault.run(world, seed).catch(brokenBy)
      outcomes.push(outcome)
      const bad = FAULTS.some((kind) => outcome.counts[kind] > 0) || outcome.troubles.length > 0
      if (bad) failed++
      console.log(line(fault, seed, outcome, performance.now() - begun))
      if (bad) console.log([...outcome.examples, ...outcome.troubles].map((one) => `    ${one}`).join('\n'))
    }
  } finally {
    await world.stop()
  }
  return { fault, outcomes, failed }
}

/** A run that did not come to its end. */
function brokenBy(error: unknown): Outcome {
  const counts = Object.fromEntries(FAULTS.map((kind) => [kind, 0])) as Outcome['counts']
  return { counts, examples: [], records: 0, gaps: 0, connections: 0, troubles: [String(error)] }
}

function line({ name }: Fault, seed: number, { counts, records, gaps, connections }: Outcome, ms: number): string {
  const found = FAULTS.map((kind) => `${kind} ${counts[kind]}`).join(' ')
  return `${name} seed ${seed}: ${found}; ${records} records, ${gaps} gaps, ${connections} connections in ${(ms / 1000).toFixed(1)} s`
}

process.exitCode = await main()
