import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../gateway/package.ts'
import { runToEnd, startChild, which } from '../services/child.ts'
import { removeFolder } from '../services/scratch.ts'

const REQUIREMENTS = join(packageRoot, 'test/autobahn/requirements.txt')
const CACHE = join(packageRoot, '.cache/autobahn')

/** A server under test, and the name under which its results stand in the report. */
export interface Agent {
  readonly agent: string
  readonly url: string
}

/** What a case found, as its own report has it. */
export interface CaseReport {
  readonly agent: string
  readonly id: string
  readonly description: string
  /** The verdict over the messages, and the one over the end of the connection. */
  readonly behavior: string
  readonly behaviorClose: string
  readonly remoteCloseCode: number | null
  /** By verdict, the events that lead to it: `["message", payload, isBinary]` where the server should send one back. */
  readonly expected: { readonly [verdict: string]: readonly (readonly unknown[])[] }
  readonly result: string
  readonly resultClose: string
}

/** Runs Autobahn's fuzzing client against the agents. `folder` takes its report: pages for people, JSON for us. */
export async function runCases(
  folder: string,
  agents: readonly Agent[],
  cases: readonly string[],
): Promise<CaseReport[]> {
  const packages = installed()
  const spec = join(folder, 'spec.json')
  const servers = { servers: agents, cases, 'exclude-cases': [], 'exclude-agent-cases': {} }
  writeFileSync(spec, JSON.stringify({ outdir: folder, ...servers }))
  // As a site folder, since some of its packages share a namespace by a `.pth` file.
  const program = `import site; site.addsitedir(${JSON.stringify(packages)}); from autobahntestsuite.wstest import run; run()`
  const args = ['-W', 'ignore', '-c', program, '-m', 'fuzzingclient', '-s', spec]
  const child = startChild({ command: python2(), args, log: join(folder, 'wstest.log'), cwd: folder })
  const end = await child.ended
  if (end !== 'exit code 0') throw new Error(`wstest: ${end}\n${child.tail()}`)
  return reportsIn(folder)
}

interface Index {
  readonly [agent: string]: { readonly [id: string]: { readonly reportfile: string } }
}

function reportsIn(folder: string): CaseReport[] {
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index
  const files = Object.values(index).flatMap((cases) => Object.values(cases).map(({ reportfile }) => reportfile))
  return files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as CaseReport)
}

/** The folder with the testsuite, made at the first call. */
function installed(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16)
  const complete = join(CACHE, hash)
  if (existsSync(complete)) return complete
  mkdirSync(CACHE, { recursive: true })
  const folder = join(CACHE, `${hash}-${randomUUID()}`)
  try {
    const pip = ['-W', 'ignore', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder]
    runToEnd(python2(), [...pip, '-r', REQUIREMENTS])
    renameSync(folder, complete)
  } catch (error) {
    removeFolder(folder)
    // Another process was first.
    if (!existsSync(complete)) throw error
  }
  return complete
}

/** The testsuite was never ported to Python 3. */
function python2(): string {
  const versions = join(homedir(), '.pyenv/versions')
  const ofPyenv = existsSync(versions) ? readdirSync(versions).filter((version) => version.startsWith('2.7.')) : []
  const paths = ['python2.7', ...ofPyenv.map((version) => join(versions, version, 'bin/python2.7'))]
  const found = paths.map(which).find((path) => path !== null && canInstall(path))
  if (!found) throw new Error("Autobahn's testsuite needs Python 2.7 with pip, on PATH or by pyenv")
  return found
}

/** On PATH there may be a stand-in that runs nothing, as pyenv's are. */
function canInstall(python: string): boolean {
  return spawnSync(python, ['-W', 'ignore', '-m', 'pip', '--version']).status === 0
}
