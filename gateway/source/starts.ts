import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.ts'

const FILE = 'embedded-log.json'

/**
 * Counts the starts of the embedded log. Each is a log of its own, so each needs a higher epoch: a cursor of an earlier start
 * is then answered with a `reset` instead of records that only have the same numbers. The first start is 0.
 */
export async function nextStart(dataDir: string, log: Log, now: number): Promise<number> {
  const file = join(dataDir, FILE)
  try {
    const epoch = await startsIn(file)
    await mkdir(dataDir, { recursive: true })
    await writeFile(`${file}.tmp`, JSON.stringify({ version: 1, starts: epoch + 1 }))
    await rename(`${file}.tmp`, file)
    return epoch
  } catch (error) {
    log.warn(
      { file, error: String(error) },
      'the starts of the embedded log cannot be counted; its epoch is taken from the clock',
    )
    return Math.floor(now / 1000)
  }
}

async function startsIn(file: string): Promise<number> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
  const { starts } = JSON.parse(text) as { readonly starts?: unknown }
  if (typeof starts !== 'number' || !Number.isSafeInteger(starts) || starts < 0) throw new Error('it holds no count')
  return starts
}
