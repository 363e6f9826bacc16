/**
 * `npm run autobahn [-- FOLDER]`: Autobahn's fuzzing client against the gateway's listener, twice: as it serves sessions, and with a message
 * handler that echoes, since most cases look at what comes back. The report stays in FOLDER, where one is named.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { Bench } from '../integration/support/bench.ts'
import { scratchFolder } from '../services/scratch.ts'
import { type CaseReport, runCases } from './testsuite.ts'
import { type AgentName, CASES, whyFailed } from './verdict.ts'

/** Every case of `CASES`: fewer would mean that the client did not get through. */
const CASES_MIN = 249

async function main(named: string | undefined): Promise<number> {
  const folder = named === undefined ? scratchFolder('autobahn') : resolve(named)
  mkdirSync(folder, { recursive: true })
  const bench = await Bench.start()
  // Loads the network binary, as `Bench.start` does once its environment is set.
  const { listenEcho } = await import('./echo.ts')
  const echo = await listenEcho(bench.admissions)
  const session = `${bench.url.replace(/^http/, 'ws')}/streams`
  try {
    const agents: { readonly agent: AgentName; readonly url: string }[] = [
      { agent: 'echo', url: echo.url },
      { agent: 'session', url: session },
    ]
    const reports = await runCases(folder, agents, CASES)
    const wrong = agents.map(({ agent }) => judge(agent, reports))
    for (const fault of bench.faults) console.log(`FAULT ${String(fault)}`)
    return wrong.some(Boolean) || bench.faults.length > 0 ? 1 : 0
  } finally {
    echo.close()
    await bench.close()
  }
}

/** Tells of an agent; true where something is wrong. */
function judge(name: AgentName, reports: readonly CaseReport[]): boolean {
  const own = reports.filter(({ agent }) => agent === name)
  const failures = own.flatMap((report) => {
    const why = whyFailed(report)
    return why === null ? [] : [`FAILED ${name} ${report.id}: ${why}\n       ${report.description}`]
  })
  for (const failure of failures) console.log(failure)
  console.log(`${name}: ${own.length} cases, ${failures.length} failed`)
  if (own.length < CASES_MIN) console.log(`FAILED ${name}: ${CASES_MIN} cases were due`)
  return failures.length > 0 || own.length < CASES_MIN
}

process.exitCode = await main(process.argv[2])
