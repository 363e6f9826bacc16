import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../gateway/clock.ts'
import { openLedger } from '../../gateway/billing/ledger.ts'
import { csvOf, type Report } from '../../gateway/billing/report.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { testEdge } from '../cli/support.ts'
import { talliesOf, watermark } from '../suites/ledger/world.ts'
import { PRO } from './plans.ts'

const HEAD =
  'period,agreement,consumer,product,plan,planVersion,item,stream,delivered,billed,redelivered,free,replay,bytes,deliveredBytes,currency,amount,note,consumerName'
const UNKNOWN = '"the terms of this version of the plan are unknown, so there is no price"'
const AT = Date.UTC(2026, 10, 3, 4, 5)

describe('usage report', () => {
  let folder = ''
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weir-report-'))
    mkdirSync(join(folder, 'specs'))
    const file = join(folder, 'data', 'ledger.db')
    const ledger = await openLedger(
      await openDatabase<LedgerTables>({ url: null, file, clock: systemClock }),
      systemClock,
    )
    const pinned = { agreement: 'a', consumer: 'acme, "Ltd"', product: 'quakes', planVersion: 'aaaaaaaaaaaaaaaa' }
    await ledger.rememberPlans([{ ...pinned, plan: PRO, at: AT }])
    const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)
    await ledger.ingest({
      messages: [
        // 2,500 records, of which 500 are replays; 200 of them again; 7 in the next month.
        talliesOf(1, AT, upTo(2500), { ages: upTo(2500).map((i) => (i < 500 ? 3601 : 2)) }),
        talliesOf(2, AT + 1000, upTo(200)),
        talliesOf(3, AT + 2000, upTo(3, 9000), { planVersion: 'cccccccccccccccc' }),
        talliesOf(4, Date.UTC(2026, 11, 1), upTo(7, 5000)),
        watermark('n', 5, Date.UTC(2026, 11, 1)),
      ],
    })
    await ledger.close()
    writeFileSync(join(folder, 'weir.yaml'), 'dataDir: data\nconsumers: [{ id: other }]\n')
  })
  after(() => rmSync(folder, { recursive: true }))

  it('gives the month as reckoned by hand, as strict CSV, and its meaning on stderr', async () => {
    const edge = testEdge(folder)
    assert.equal(await edge.run('usage', 'report', '--period', '2026-11'), 0)
    // Live 2,000: 1,000 free, 1,000 at 2.00; replays 500 at 0.50: 0.25.
    assert.deepEqual(edge.out.text.split('\r\n'), [
      HEAD,
      '2026-11,a,"acme, ""Ltd""",quakes,pro,aaaaaaaaaaaaaaaa,fee,,0,0,0,0,0,0,0,EUR,49.00,,',
      '2026-11,a,"acme, ""Ltd""",quakes,pro,aaaaaaaaaaaaaaaa,usage,s,2700,1500,200,1000,500,25000,27000,EUR,2.25,,',
      `2026-11,a,"acme, ""Ltd""",quakes,pro,cccccccccccccccc,usage,s,3,3,0,0,0,30,30,,,${UNKNOWN},`,
      '',
    ])
    assert.match(edge.err.text, /^Each record once per agreement/)
    assert.match(edge.err.text, /total 51\.25 EUR/)
    assert.match(edge.err.text, /1 lines have no price/)
  })

  it('tells programs the same as JSON, in a file, with whether the month is whole', async () => {
    const edge = testEdge(folder)
    const args = ['--format', 'json', '--out', 'report.json', '--product', 'quakes']
    assert.equal(await edge.run('usage', 'report', '--period', '2026-11', ...args), 0)
    assert.equal(edge.out.text, '')
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report
    assert.deepEqual(report.totals, [{ currency: 'EUR', amount: '51.25' }])
    assert.deepEqual([report.complete, report.unpriced, report.alarms, report.lines.length], [true, 1, 0, 3])
    assert.match(report.whatIsBilled, /delivered = billed \+ redelivered \+ free/)
    for (const line of report.lines) assert.equal(line.delivered, line.billed + line.redelivered + line.free)
    assert.equal(csvOf(report).split('\r\n')[0], HEAD)
  })

  it('leaves out whom it was not asked about, and says where a month is not whole', async () => {
    const edge = testEdge(folder)
    assert.equal(await edge.run('usage', 'report', '--period', '2026-12', '--consumer', 'other'), 0)
    assert.equal(edge.out.text, `${HEAD}\r\n`)
    assert.match(edge.err.text, /not complete: usage is known up to 2026-12-01T00:00:00\.000Z/)
  })

  it('refuses what it does not serve by name, with the exit codes of scripts', async () => {
    const told = async (...args: string[]) => {
      const edge = testEdge(folder)
      return [await edge.run('usage', ...args), edge.err.text]
    }
    assert.deepEqual(await told('report', '--period', '2026-13'), [
      2,
      'weir: --period "2026-13" is no month — give one as 2026-11\n',
    ])
    assert.equal((await told('report', '--period', '2026-11', '--format', 'parquet'))[0], 2)
    for (const name of ['close', 'audit', 'adjust']) {
      const [exit, text] = await told(name, '--period', '2026-11')
      assert.equal(exit, 2)
      assert.match(String(text), new RegExp(`\`usage ${name}\` is not served by this version`))
    }
  })

  it('says that a database is unreachable by exit code 3, and never what its password is', async () => {
    const edge = testEdge(folder, { env: { WEIR_DATABASE_URL: 'postgres://weir:geheim@127.0.0.1:1/weir' } })
    assert.equal(await edge.run('usage', 'report', '--period', '2026-11'), 3)
    assert.equal(await edge.run('config'), 0)
    assert.doesNotMatch(edge.err.text + edge.out.text, /geheim/)
    assert.match(edge.out.text, /"url": "\[secret\]"/)
    writeFileSync(join(folder, 'bad.yaml'), 'database: { url: "postgres://weir:geheim@h/weir" }\n')
    assert.equal(await edge.run('config', '--config', 'bad.yaml'), 0) // The environment's word counts.
    const plain = testEdge(folder)
    assert.equal(await plain.run('config', '--config', 'bad.yaml'), 2)
    assert.match(plain.err.text, /database\.url: holds a password in a file that people read/)
    assert.doesNotMatch(plain.err.text, /geheim/)
  })
})
