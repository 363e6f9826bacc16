import { systemClock } from '../../../gateway/clock.ts'
import { openLedger } from '../../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../../gateway/billing/tables.ts'
import { openDatabase } from '../../../gateway/drivers/sql/database.ts'
import { manyMessages } from './world.ts'

/** `ledger-writer URL|- FILE SEED` takes messages for ever and says each that is kept: somebody is going to kill it. */
const [url, file, seed] = process.argv.slice(2) as [string, string, string]
const database = await openDatabase<LedgerTables>({ url: url === '-' ? null : url, file, clock: systemClock })
const ledger = await openLedger(database, systemClock)
for (const message of manyMessages(Number(seed))) {
  console.log(`${message.id.boot}/${message.id.seq}`)
  await ledger.ingest({ messages: [message] })
}
console.log('done')
