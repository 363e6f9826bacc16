import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'

const LOG = new URL('../gateway/log.js', import.meta.url).href

interface Heard {
  readonly messages: readonly string[]
  readonly writes: number
  /** How often it has waited for a disk. */
  readonly syncs: number
}

/** What a process that does this leaves on stderr. */
function heardOf(script: string): Heard {
  const whole = `
    import fs from 'node:fs'
    let writes = 0
    const { writeSync } = fs
    fs.writeSync = (fd, ...rest) => (fd === 2 && writes++, writeSync(fd, ...rest))
    let syncs = 0
    fs.fsyncSync = () => void syncs++
    const { createLog } = await import(${JSON.stringify(LOG)})
    const log = createLog('info')
    const end = () => (writeSync(1, JSON.stringify({ writes, syncs })), process.kill(process.pid, 'SIGKILL'))
    ${script}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', whole], { encoding: 'utf8' })
  const lines = stderr.split('\n').filter((line) => line !== '')
  const counts = JSON.parse(stdout) as Omit<Heard, 'messages'>
  return { messages: lines.map((line) => (JSON.parse(line) as { msg: string }).msg), ...counts }
}

describe('the log', () => {
  it('writes the lines of a turn at once, in their order, and waits for no disk', () => {
    const script = `for (let i = 0; i < 50; i++) log.info({ event: 'x' }, String(i)); setImmediate(() => setImmediate(end))`
    const { messages, writes, syncs } = heardOf(script)
    assert.deepEqual(
      messages,
      Array.from({ length: 50 }, (_, i) => String(i)),
    )
    assert.deepEqual([writes, syncs], [1, 0])
  })

  it('has written what went wrong, and all before it, when the process ends in that very turn', () => {
    const { messages } = heardOf(`log.info({}, 'before'); log.error({}, 'wrong'); end()`)
    assert.deepEqual(messages, ['before', 'wrong'])
    assert.deepEqual(heardOf(`log.info({}, 'before'); log.warn({}, 'odd'); end()`).messages, ['before', 'odd'])
  })

  it('keeps back no more than its buffer while a turn goes on', () => {
    const { messages } = heardOf(`for (let i = 0; i < 1000; i++) log.info({}, 'x'.repeat(200)); end()`)
    assert.ok(messages.length > 900, `${messages.length} of 1000`)
  })
})
