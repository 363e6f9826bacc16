import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import { systemClock } from '../../gateway/clock.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { ledgerSuite, type LedgerWorld } from '../suites/ledger.ts'

async function openSqlite(): Promise<LedgerWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-ledger-'))
  let files = 0
  return {
    open: () => openDatabase<LedgerTables>({ url: null, file: join(folder, `${files}.db`), clock: systemClock }),
    arguments: async () => ['-', join(folder, `${files}.db`)],
    reset: async () => void files++,
    close: async () => rmSync(folder, { recursive: true }),
  }
}

describe('ledger × sqlite', () => ledgerSuite(openSqlite, 60))
