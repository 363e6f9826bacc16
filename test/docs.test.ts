import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { WHAT_IS_BILLED } from '../gateway/billing/report.ts'
import { EXIT } from '../gateway/cli/edge.ts'
import { configSchema } from '../gateway/config/schema.ts'
import { packageRoot } from '../gateway/package.ts'
import { generatedPages } from '../scripts/pages.ts'

/** That a gateway waits for its last usage to be taken. */
const LAST_USAGE_S = 10

describe('docs', () => {
  for (const [page, render] of Object.entries(generatedPages)) {
    it(`${page} says what the code says`, () => {
      assert.equal(readFileSync(join(packageRoot, page), 'utf8'), render(), 'run `npm run docs` and commit')
    })
  }

  it('the page for finance has the very text of the reports', () => {
    assert.ok(readFileSync(join(packageRoot, 'docs/finance.md'), 'utf8').includes(`> ${WHAT_IS_BILLED}\n`))
  })

  it('the unit for systemd waits longer than a drain takes, opens more files than there are connections, and does not repeat what is wrong', () => {
    const page = readFileSync(join(packageRoot, 'docs/operator.md'), 'utf8')
    const setting = (name: string): number => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(page)?.[1])
    const { drainMsMax, connectionsMax } = configSchema.properties.limits.properties
    const preset = (node: object): number => (node as { default: number }).default
    assert.ok(setting('TimeoutStopSec') > preset(drainMsMax) / 1000 + LAST_USAGE_S)
    assert.ok(setting('LimitNOFILE') > preset(connectionsMax))
    assert.equal(setting('RestartPreventExitStatus'), EXIT.usage)
  })

  it('every link between pages leads to a file', () => {
    const broken = pages().flatMap((page) =>
      linksIn(page)
        .filter((target) => !existsSync(target))
        .map((target) => `${page} -> ${target}`),
    )
    assert.deepEqual(broken, [])
  })
})

function pages(): readonly string[] {
  const inRoot = readdirSync(packageRoot).filter((name) => name.endsWith('.md'))
  const inDocs = readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  )
  return [...inRoot, ...inDocs.map((name) => join('docs', name))].map((name) => join(packageRoot, name))
}

function linksIn(page: string): readonly string[] {
  // Code is no prose: `on[type](frame)` links to nothing.
  const prose = readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```/gm, '')
  const links = prose.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)
  return [...links].map(([, target]) => join(dirname(page), target as string))
}
