import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { doctor } from '../../../gateway/cli/doctor.ts'
import type { Result } from '../../../gateway/cli/doctor/examination.ts'
import type { Facts } from '../../../gateway/cli/doctor/facts.ts'
import { testEdge } from '../../cli/support.ts'
import { scratchFolder } from '../../services/scratch.ts'

/** A machine on which everything is well. */
export const SOUND: Facts = {
  platform: 'linux',
  arch: 'x64',
  node: '24.11.0',
  glibc: '2.41',
  openFilesMax: null,
  memoryBytes: 8 * 2 ** 30,
  loadNetwork: () => Promise.resolve(),
}

export interface Diagnosis {
  readonly exit: number
  readonly results: readonly Result[]
  /** `check: message — fix` of what is at fault, of one system or all. */
  readonly faults: (system?: string) => readonly string[]
  readonly warnings: (system?: string) => readonly string[]
}

type Env = { readonly [name: string]: string }

/** `weir doctor --json` on a configuration of the test's, in this process: another one cannot be told about the machine. */
export async function diagnose(config: object, facts: Partial<Facts> = {}, env: Env = {}): Promise<Diagnosis> {
  const { exit, edge } = await run(config, facts, env, true)
  const results = JSON.parse(edge.out.text) as readonly Result[]
  const withStatus = (status: Result['status']) => (system?: string) =>
    results
      .filter((one) => one.status === status && (system === undefined || one.system === system))
      .map(({ check, message, fix }) => `${check}: ${message} — ${fix}`)
  return { exit, results, faults: withStatus('fail'), warnings: withStatus('warn') }
}

/** The same as people read it. */
export async function linesOf(config: object, facts: Partial<Facts> = {}, env: Env = {}): Promise<readonly string[]> {
  return (await run(config, facts, env, false)).edge.err.lines
}

async function run(config: object, facts: Partial<Facts>, env: Env, json: boolean) {
  const folder = scratchFolder('doctor')
  writeFileSync(join(folder, 'weir.yaml'), JSON.stringify(config))
  const edge = testEdge(folder, { env })
  return { edge, exit: await doctor(edge, { json }, { ...SOUND, ...facts }) }
}
