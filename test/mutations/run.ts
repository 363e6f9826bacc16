/**
 * Breaks the code on purpose, once per named mutation, and wants the tests to notice: `npm run mutations [-- AREA… | PART_OF_A_NAME…]`.
 * Works in a copy of the tree, so that however it ends, nothing here is changed. A mutation that no test notices, or that changes
 * nothing any more, fails the run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../../gateway/clock.ts'
import { packageRoot } from '../../gateway/package.ts'
import { sourceTree } from '../house/tree.ts'
import { selectTests } from '../runner/select.ts'
import { findServices } from '../services/find.ts'
import { removeFolder, scratchFolder } from '../services/scratch.ts'
import { SERVICE_NAMES, type ServiceName, VARIABLES } from '../services/service.ts'
import type { Mutation } from './mutation.ts'
import { AREAS } from './mutations.ts'

/** Neither source nor anything that a test reads. */
const LEFT_OUT = /^(?:\.git|data|dist.*|.*\.log)$/
/** Large, and the same for the copy: packages, and programs that tests have downloaded. */
const SHARED = ['node_modules', '.cache']
const TEST_MS_MAX = 120_000

const filters = process.argv.slice(2)
const isChosen = (area: string, name: string): boolean =>
  filters.length === 0 || filters.some((filter) => filter === area || name.includes(filter))
const chosen = Object.entries(AREAS).flatMap(([area, all]) => all.filter(({ name }) => isChosen(area, name)))
/** The test that runs now. */
let running: ChildProcess | null = null
process.once('exit', () => running?.kill('SIGKILL'))
// The copy goes with the process (scratch.ts).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const services = await findServices(needsOf(chosen))
const env = { ...process.env, ...Object.fromEntries(services.map(({ name, value }) => [VARIABLES[name], value])) }
const tree = copyTree()
try {
  process.exitCode = (await mutateAll(tree, chosen)) ? 0 : 1
} finally {
  removeFolder(tree)
  await Promise.all(services.map((service) => service.stop()))
}

function needsOf(mutations: readonly Mutation[]): readonly ServiceName[] {
  const named = new Set(mutations.flatMap(({ tests }) => tests.map((test) => `test/${test}.test.ts`)))
  const files = selectTests(sourceTree(packageRoot, ['test']), [])
  const needed = new Set(files.filter(({ path }) => named.has(path)).flatMap(({ needs }) => needs))
  return SERVICE_NAMES.filter((name) => needed.has(name))
}

async function mutateAll(root: string, mutations: readonly Mutation[]): Promise<boolean> {
  const began = systemClock.monotonic()
  build(root)
  for (const test of new Set(mutations.flatMap(({ tests }) => tests))) {
    if (await passes(root, test)) continue
    console.log(`${test} fails without any mutation`)
    return false
  }
  let seen = 0
  for (const mutation of mutations) {
    const at = systemClock.monotonic()
    const outcome = await mutate(root, mutation)
    if (outcome.seen) seen++
    console.log(`${outcome.seen ? 'noticed' : 'UNSEEN '}  ${mutation.name}: ${outcome.told} (${secondsSince(at)} s)`)
  }
  console.log(`\n${seen} noticed, ${mutations.length - seen} not, in ${secondsSince(began)} s`)
  return seen > 0 && seen === mutations.length
}

function secondsSince(began: number): string {
  return ((systemClock.monotonic() - began) / 1000).toFixed(1)
}

interface Outcome {
  readonly seen: boolean
  readonly told: string
}

/** Leaves the source as it found it. */
async function mutate(root: string, { file, from, to, tests }: Mutation): Promise<Outcome> {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) return { seen: false, told: `its text does not stand once in ${file}` }
  const built = join(root, 'dist', file.replace(/\.ts$/, '.js'))
  const before = readFileSync(built, 'utf8')
  writeFileSync(path, text.split(from).join(to))
  try {
    build(root)
    if (readFileSync(built, 'utf8') === before) return { seen: false, told: `it changes nothing of what runs` }
    for (const test of tests) if (!(await passes(root, test))) return { seen: true, told: test }
    return { seen: false, told: `broken in ${file}` }
  } finally {
    writeFileSync(path, text)
    // Else the next one that cannot be built would be tested with this one's code.
    writeFileSync(built, before)
  }
}

/** Types need not hold in broken code: what is emitted counts. */
function build(root: string): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { error } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json', '--noCheck'], { cwd: root })
  if (error) throw error
}

/** Ends with the first test that fails: what is left open behind it would keep the process. */
function passes(root: string, test: string): Promise<boolean> {
  const file = join(root, 'dist/test', `${test}.test.js`)
  if (!existsSync(file)) throw new Error(`there is no test ${test}`)
  const child = spawn(process.execPath, ['--test-reporter=tap', file], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  running = child
  const end = (): boolean => child.kill('SIGKILL')
  const timer = systemClock.after(TEST_MS_MAX, end)
  createInterface({ input: child.stdout }).on('line', (line) => void (/^ *not ok /.test(line) && end()))
  return new Promise((resolve) => {
    child.once('close', (code) => {
      timer.cancel()
      resolve(code === 0)
    })
  })
}

function copyTree(): string {
  const root = scratchFolder('mutations')
  for (const name of readdirSync(packageRoot)) {
    if (LEFT_OUT.test(name) || SHARED.includes(name)) continue
    cpSync(join(packageRoot, name), join(root, name), { recursive: true })
  }
  for (const name of SHARED) symlinkSync(join(packageRoot, name), join(root, name))
  return root
}
