import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { scratchFolder } from '../services/scratch.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'
import { SseClient, type Frame } from './support/sse.ts'
import { until } from './support/until.ts'
import { WsClient } from './support/webSocket.ts'

const FIRST_RECORD_MS_MAX = 10_000
const EXPIRY_MS_MAX = 5_000
const HANDSHAKES = 100

describe('a gateway of its own, from start to stop', () => {
  let gateway: GatewayProcess
  before(async () => {
    gateway = await GatewayProcess.start({ playbackPerSecond: 20 })
  })
  after(() => gateway.stop('SIGKILL'))

  it('from nothing to the first streamed record by the printed curl line takes less than ten seconds', async () => {
    const began = performance.now()
    const folder = scratchFolder('start')
    const env = {
      ...process.env,
      WEIR_LISTEN_HOST: '127.0.0.1',
      WEIR_LISTEN_PORT: '0',
      WEIR_CONTROL_PORT: '0',
      WEIR_DATADIR: folder,
    }
    const weir = spawn(process.execPath, [MAIN, 'start'], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    weir.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const line = await until(
      () => `a curl line in ${said}`,
      () => /^curl .*$/m.exec(said)?.[0],
    )
    const curl = spawn('/bin/sh', ['-c', `exec ${line.replace('curl', 'curl -s')}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let streamed = ''
    curl.stdout.setEncoding('utf8').on('data', (text: string) => (streamed += text))
    await until(
      () => `a record in ${streamed}`,
      () => streamed.includes('data: {"type":"record"') || null,
    )
    const ms = performance.now() - began
    curl.kill('SIGKILL')
    weir.kill('SIGKILL')
    await until('both to be gone', () => (weir.signalCode && curl.signalCode) ?? null)
    assert.ok(ms < FIRST_RECORD_MS_MAX, `${Math.round(ms)} ms`)
    console.log(`${Math.round(ms)} ms from start to the first record`)
  })

  it(`${HANDSHAKES} sessions, each with a token that was never seen before, all stay`, async () => {
    for (let at = 0; at < HANDSHAKES; at += 5) {
      const tokens = await Promise.all(Array.from({ length: 5 }, () => gateway.token()))
      const clients = tokens.map((token) => new WsClient(gateway.stream, { token }))
      for (const client of clients) await client.frame('subscribed')
      clients.forEach((client) => client.destroy())
    }
  })

  it('a token of 12 KB is taken by the process as it is started, in pieces too', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.setNoDelay(true)
    let text = ''
    socket.on('data', (bytes) => (text += bytes.toString()))
    socket.on('error', (error) => (text += error.message))
    const token = `${'a'.repeat(12_000)}.b.c`
    const head = `GET /streams/earthquakes/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`
    for (let at = 0; at < head.length; at += 3_000) {
      await new Promise((resolve) => socket.write(head.slice(at, at + 3_000), () => setTimeout(resolve, 5)))
    }
    await until('an answer', () => text || null)
    socket.destroy()
    // Read whole, and then found to be no token.
    assert.match(text, /^HTTP\/1\.1 401 /)
  })

  it('an expired token ends the stream within five seconds, over both transports', async () => {
    const token = await gateway.token(2_000)
    const expiresAt =
      (JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as { exp: number }).exp * 1000
    const webSocket = new WsClient(gateway.stream, { token })
    const sse = new SseClient(gateway.stream, { token })
    assert.equal((await webSocket.ended()).code, 4201)
    const closing = await sse.frame('closing')
    assert.equal(closing['code'], 4201)
    const late = Date.now() - expiresAt
    assert.ok(late >= 0 && late < EXPIRY_MS_MAX, `${late} ms after its expiry`)
  })

  it('SIGTERM sends everybody away with a cursor that another start understands, and ends with 0', async () => {
    const token = await gateway.token()
    const webSocket = new WsClient(`${gateway.stream}?from=earliest`, { token })
    const sse = new SseClient(gateway.stream, { token })
    await webSocket.frame('record')
    await sse.frame('record')
    const ended = gateway.stop('SIGTERM')
    const closings = [await webSocket.frame('closing'), await sse.frame('closing')]
    for (const closing of closings) {
      const { code, error, retry } = closing
      assert.deepEqual({ code, error, retry }, { code: 4000, error: 'draining', retry: 'now' })
      assert.match((closing['cursors'] as { [id: string]: string })['0'] ?? '', /^w1\./)
    }
    assert.deepEqual(await webSocket.ended(), { code: 4000, reason: 'draining' })
    assert.equal(sse.lastId, ((closings[1] as Frame)['cursors'] as { [id: string]: string })['0'])
    assert.equal(await ended, 'exit code 0')
    const next = await GatewayProcess.start({ playbackPerSecond: 20, dataDir: gateway.dataDir })
    const again = new SseClient(next.stream, { token, lastEventId: sse.lastId })
    const gap = await again.frame('gap')
    assert.equal(gap['reason'], 'reset')
    assert.match((await again.frame('record'))['id'] as string, /^1\.\d+-\d+$/)
    again.destroy()
    assert.equal(await next.stop(), 'exit code 0')
  })
})
