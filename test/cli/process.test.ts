import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { playGateway, records, send } from './gatewayDouble.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))

describe('the process of weir', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-process-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const spawnWeir = (...args: string[]) =>
    spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { PATH: process.env['PATH'] ?? '' }, stdio: 'pipe' })

  it('exit codes, stdout and stderr are the ones of the command', async () => {
    const child = spawnWeir('strat')
    const [out, err] = await Promise.all([child.stdout.toArray(), child.stderr.toArray(), once(child, 'close')])
    assert.equal(child.exitCode, 2)
    assert.equal(out.join(''), '')
    assert.match(err.join(''), /Did you mean start/)
  })

  it('a reader who stops reading ends it quietly', async () => {
    const server = await playGateway([
      (session) => {
        const more = (n: number): void =>
          session.send(JSON.stringify(records(n, n)[0]), (error) => !error && more(n + 1))
        more(1)
      },
    ])
    const child = spawnWeir('tail', server.url)
    const exited = once(child, 'exit')
    const errors = child.stderr.toArray()
    await once(child.stdout, 'data')
    child.stdout.destroy()
    assert.deepEqual(await exited, [0, null])
    assert.doesNotMatch((await errors).join(''), /EPIPE/)
    await server.close()
  })

  it('Ctrl-C ends a tail with its cursor and exit 0', async () => {
    const server = await playGateway([(session) => send(session, ...records(1, 3))])
    const child = spawnWeir('tail', server.url)
    const errors = child.stderr.toArray()
    const closed = once(child, 'close')
    let printed = ''
    for await (const chunk of child.stdout) {
      printed += String(chunk)
      if (printed.includes('0-3')) child.kill('SIGINT')
    }
    await closed
    assert.equal(child.exitCode, 0)
    assert.match((await errors).join(''), /go on with --from w1\.3\n$/)
    await server.close()
  })
})
