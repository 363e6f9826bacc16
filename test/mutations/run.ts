/**
 * Breaks the code on purpose, once per named mutation, and wants the tests to notice: `npm run mutations [-- FILTER…]`. Works in
 * a copy of the tree; a mutation that no test notices, or whose text is not found any more, fails the run.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../gateway/package.ts'
import { MUTATIONS, type Mutation } from './mutations.ts'

const COPIED = ['gateway', 'scripts', 'specs', 'test', 'tsconfig.json', 'package.json']
const TEST_MS_MAX = 180_000

const filters = process.argv.slice(2)
const chosen = MUTATIONS.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
const tree = copyTree()
process.exitCode = 1
try {
  process.exitCode = mutate(tree, chosen) ? 0 : 1
} finally {
  rmSync(tree, { recursive: true, force: true })
}

function mutate(root: string, mutations: readonly Mutation[]): boolean {
  const tests = [...new Set(mutations.flatMap((mutation) => mutation.tests))]
  build(root)
  const clean = tests.filter((test) => !passes(root, test))
  if (clean.length > 0) {
    console.log(`These tests fail without any mutation: ${clean.join(', ')}`)
    return false
  }
  const survivors = mutations.filter((mutation) => survives(root, mutation))
  console.log(`${mutations.length - survivors.length} passed, ${survivors.length} failed`)
  return mutations.length > 0 && survivors.length === 0
}

function survives(root: string, { name, file, from, to, tests }: Mutation): boolean {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) {
    console.log(`NOT APPLIED  ${name}: its text must stand once in ${file}`)
    return true
  }
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  build(root)
  const noticed = tests.find((test) => !passes(root, test))
  writeFileSync(path, text)
  console.log(noticed === undefined ? `SURVIVED     ${name} (${file})` : `noticed      ${name} by ${noticed}`)
  return noticed === undefined
}

/** Types need not hold in broken code: what is emitted counts. */
function build(root: string): void {
  spawnSync(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], {
    cwd: root,
  })
}

function passes(root: string, test: string): boolean {
  const file = join(root, 'dist/test', `${test}.test.js`)
  const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=dot', file], {
    cwd: root,
    timeout: TEST_MS_MAX,
  })
  return status === 0
}

function copyTree(): string {
  const root = mkdtempSync(join(tmpdir(), 'weir-mutations-'))
  for (const name of COPIED) cpSync(join(packageRoot, name), join(root, name), { recursive: true })
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return root
}
