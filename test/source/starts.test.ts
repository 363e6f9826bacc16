import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { LogFields } from '../../gateway/log.ts'
import { silentLog } from '../../gateway/log.ts'
import { nextStart } from '../../gateway/source/starts.ts'
import { scratchFolder } from '../services/scratch.ts'

const NOW = 1_790_000_000_000
const FILE = 'embedded-log.json'

describe('starts of the embedded log', () => {
  const warned: string[] = []
  const log = { ...silentLog, warn: (_: LogFields, message: string) => void warned.push(message) }

  it('the first start is 0 and each one higher, over restarts, also where the folder is not there yet', async () => {
    const folder = join(scratchFolder('starts'), 'deep', 'data')
    for (const expected of [0, 1, 2]) assert.equal(await nextStart(folder, log, NOW), expected)
    assert.deepEqual(JSON.parse(readFileSync(join(folder, FILE), 'utf8')), { version: 1, starts: 3 })
    assert.deepEqual(warned, [])
  })

  for (const [what, content] of [
    ['is damaged', '{'],
    ['holds no count', '{"starts":"3"}'],
    ['holds an impossible count', '{"starts":-1}'],
  ] as const) {
    it(`where the file ${what}, the epoch comes from the clock, later than any count, and that is told`, async () => {
      const folder = scratchFolder('starts')
      writeFileSync(join(folder, FILE), content)
      warned.length = 0
      assert.equal(await nextStart(folder, log, NOW), NOW / 1000)
      assert.equal(warned.length, 1)
      assert.equal(readFileSync(join(folder, FILE), 'utf8'), content)
    })
  }

  it('where the folder cannot be written, the epoch comes from the clock', async () => {
    const folder = scratchFolder('starts')
    mkdirSync(join(folder, `${FILE}.tmp`))
    assert.equal(await nextStart(folder, log, NOW), NOW / 1000)
  })
})
