import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { packageRoot } from '../../gateway/package.ts'
import { ALARMS } from '../../scripts/alarms.ts'
import { registeredMetrics, supervisorMetrics } from '../../scripts/metrics.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'

const HELP_CHARS_MIN = 20

describe('docs/metrics.md', () => {
  let gateway: GatewayProcess
  before(async () => {
    gateway = await GatewayProcess.start()
  })
  after(() => gateway.stop('SIGKILL'))

  it('has the very metrics, types and words that a running gateway tells, and no others', async () => {
    const text = await (await fetch(`${gateway.controlUrl}/metrics`)).text()
    const helps = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name, help]) => `${name} ${help}`)
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    const rows = registeredMetrics()
    assert.deepEqual(helps.toSorted(), rows.map(({ name, help }) => `${name} ${help}`).toSorted())
    assert.deepEqual(types.toSorted(), rows.map(({ name, type }) => `${name} ${type}`).toSorted())
  })

  it('explains each metric in a sentence, not in its own name', () => {
    for (const { name, help } of [...registeredMetrics(), ...supervisorMetrics()]) {
      assert.ok(help.length >= HELP_CHARS_MIN && help.endsWith('.'), `${name}: ${help}`)
    }
  })

  it('and every other page name no metric that is not there', () => {
    const names = new Set([...registeredMetrics(), ...supervisorMetrics()].map(({ name }) => name))
    const inDocs = readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    const pages = [...inDocs.map((name) => join('docs', name)), 'README.md', 'ARCHITECTURE.md']
    const strangers = pages
      .filter((page) => page.endsWith('.md'))
      .flatMap((page) => readFileSync(join(packageRoot, page), 'utf8').match(/\bweir_[a-z_]+[a-z]/g) ?? [])
      .filter((name) => !names.has(name))
    assert.deepEqual(strangers, [])
  })

  it('alarms on metrics, labels and keys that exist, and says what to do', () => {
    const rows = new Map([...registeredMetrics(), ...supervisorMetrics()].map((row) => [row.name, row]))
    for (const { when, means, advice } of ALARMS) {
      const used = [...`${when} ${advice}`.matchAll(/(weir_[a-z_]+)(?:\{(\w+)=)?/g)]
      assert.ok(used.length > 0, when)
      for (const [, name = '', label] of used) {
        const row = rows.get(name) ?? assert.fail(`${name} is not registered`)
        if (label !== undefined) assert.ok(row.labels.includes(label), `${name} has no label ${label}`)
      }
      assert.ok(means.length > HELP_CHARS_MIN && advice.length > HELP_CHARS_MIN, when)
    }
  })
})
