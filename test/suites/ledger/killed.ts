import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const WRITER = fileURLToPath(new URL('./ledger-writer.js', import.meta.url))
const LINES = 12

/** Starts a process that hands `manyMessages(seed)` over one by one, and kills it while it is at it. */
export async function killedInMidIngest(database: readonly [string, string], seed: number): Promise<void> {
  const child = spawn(process.execPath, [WRITER, ...database, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  let lines = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') throw new Error('the writer ended before it was killed')
    if (++lines === LINES + seed) child.kill('SIGKILL')
  }
  const [, signal] = (await exit) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself after ${lines} messages`)
}
