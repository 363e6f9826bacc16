import { randomUUID } from 'node:crypto'
import { describe } from 'node:test'
import { sql } from 'kysely'
import { systemClock } from '../../gateway/clock.ts'
import type { LedgerTables } from '../../gateway/billing/tables.ts'
import { openDatabase } from '../../gateway/drivers/sql/database.ts'
import { postgresUrl } from '../services/use.ts'
import { ledgerSuite, type LedgerWorld } from '../suites/ledger.ts'

async function openPostgres(): Promise<LedgerWorld> {
  const schema = `ledger_${randomUUID().replaceAll('-', '')}`
  const open = (url: string) => openDatabase<LedgerTables>({ url, file: '', clock: systemClock })
  const owner = await open(postgresUrl())
  const drop = () => sql.raw(`drop schema if exists ${schema} cascade`).execute(owner.query)
  const address = new URL(postgresUrl())
  address.searchParams.set('options', `-c search_path=${schema}`)
  const url = address.href.replaceAll('+', '%20')
  return {
    open: () => open(url),
    arguments: async () => [url, '-'],
    reset: async () => {
      await drop()
      await sql.raw(`create schema ${schema}`).execute(owner.query)
    },
    close: async () => {
      await drop()
      await owner.close()
    },
  }
}

describe('ledger × postgres', () => ledgerSuite(openPostgres, 25))
