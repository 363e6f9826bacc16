import { systemClock } from '../../../gateway/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { FileEpochBook } from '../../../gateway/source/kafka/epoch-file.ts'

/** One of several processes: `epoch-writer FILE SEED` asks for forty logs in an order of its own and prints their epochs. */
const [file, seed] = process.argv.slice(2) as [string, string]
const book = new FileEpochBook(file, systemClock, silentLog)
const said = new Map<string, number>()
for (let i = 0; i < 40; i++) {
  const id = `id-${(i * 7 + Number(seed) * 11) % 40}`
  said.set(id, await book.epochOf('main', 't', id))
}
console.log(JSON.stringify(Object.fromEntries([...said].toSorted(([a], [b]) => (a < b ? -1 : 1)))))
