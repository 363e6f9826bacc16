import { loadConfig } from '../config.ts'
import type { Outcome, Result } from './doctor/examination.ts'
import { factsOfProcess, type Facts } from './doctor/facts.ts'
import { examine, examineBroken } from './doctor/round.ts'
import { EXIT, printable, say, type Edge, type Exit } from './edge.ts'

export interface DoctorOptions {
  readonly config?: string
  readonly json?: boolean
}

/**
 * `weir doctor`: looks at everything that a gateway needs, side by side, each within its time, and changes nothing. Refused where
 * something is at fault; unreachable where a system does not answer, whatever else is wrong.
 */
export async function doctor(edge: Edge, options: DoctorOptions, facts: Facts = factsOfProcess()): Promise<Exit> {
  const { config, problems, ...more } = loadConfig({ file: options.config, env: edge.env, cwd: edge.cwd })
  const outcome =
    config !== null && 'lineOf' in more
      ? await examine(edge, { config, lineOf: more.lineOf, cwd: edge.cwd, clock: edge.clock }, facts)
      : await examineBroken(edge, problems, facts)
  if (options.json) edge.out.write(`${JSON.stringify(outcome.results)}\n`)
  else tell(edge, outcome.results, config !== null)
  return exitOf(outcome)
}

function exitOf({ results, unreachable }: Outcome): Exit {
  if (unreachable) return EXIT.unreachable
  return results.some(({ status }) => status === 'fail') ? EXIT.refused : EXIT.done
}

const WORDS = { ok: 'ok', warn: 'warn', fail: 'FAIL' } as const

function tell(edge: Edge, results: readonly Result[], looked: boolean): void {
  for (const { status, system, message, fix } of results) {
    const told = `${system}: ${message}${fix === null ? '' : ` — ${fix}`}`
    say(edge, `${WORDS[status].padEnd(4)}  ${printable(told)}`)
  }
  if (!looked) say(edge, 'weir: nothing else was looked at: the configuration comes first')
  const count = (status: Result['status']): number => results.filter((one) => one.status === status).length
  say(edge, `weir: ${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} at fault`)
}
