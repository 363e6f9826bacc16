import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, it, type TestContext } from 'node:test'
import { watchPaths } from '../../gateway/drivers/watch.ts'
import { scratchFolder } from '../catalog/support.ts'
import { until } from '../integration/support/until.ts'

/** Longer than a watcher waits for what belongs together. */
const RENEWED_MS = 150

interface Heard {
  count: number
  readonly faults: unknown[]
}

/** Until it hears, since a watcher says nothing of what happened before it was ready. */
async function heard(t: TestContext, folder: string, file: string): Promise<Heard> {
  const told: Heard = { count: 0, faults: [] }
  const watching = watchPaths(
    [folder],
    () => told.count++,
    (fault) => told.faults.push(fault),
  )
  t.after(() => watching.close())
  let writes = 0
  await until('the watcher to hear', async () => {
    await writeFile(file, String(writes++))
    return told.count > 0 || null
  })
  return told
}

describe('watch', () => {
  it('hears of files that are written, replaced by rename and removed, also deep below', async (t) => {
    const folder = join(await scratchFolder(t), '.specs')
    await mkdir(join(folder, 'deep', 'er'), { recursive: true })
    const file = join(folder, 'deep', 'er', 'a.yaml')
    const told = await heard(t, folder, file)
    let writes = 0
    const written = (): Promise<void> => writeFile(file, `b${writes++}`)
    const acts: readonly (() => Promise<void>)[] = [
      async () => {
        await writeFile(`${file}.new`, `c${writes++}`)
        await rename(`${file}.new`, file)
      },
      () => rm(file).then(written),
      written,
      () =>
        rename(join(folder, 'deep'), join(folder, 'deeper')).then(() =>
          rename(join(folder, 'deeper'), join(folder, 'deep')),
        ),
    ]
    // Again and again: a watcher may take two changes for one.
    for (const act of acts) {
      const before = told.count
      await until('it to be heard', async () => {
        await act()
        await setTimeout(RENEWED_MS)
        return told.count > before || null
      })
    }
    assert.deepEqual(told.faults, [])
  })

  it('a folder that is not there yet is heard of once it is', async (t) => {
    const folder = join(await scratchFolder(t), 'specs')
    let count = 0
    const watching = watchPaths(
      [folder],
      () => count++,
      () => undefined,
    )
    t.after(() => watching.close())
    let made = 0
    await until('the folder to be heard of', async () => {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder)
      await writeFile(join(folder, `a${made++}.yaml`), 'a')
      return count > 0 || null
    })
  })
})
