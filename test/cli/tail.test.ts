import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { after, describe, it } from 'node:test'
import { playGateway, records, send, type Act } from './gatewayDouble.ts'
import { FastClock, testEdge, type TestEdge } from './support.ts'

describe('weir tail', () => {
  const open: { close(): Promise<void> }[] = []
  after(async () => {
    for (const server of open) await server.close()
  })

  const play = async (...acts: Act[]) => {
    const server = await playGateway(acts)
    open.push(server)
    return server
  }
  const ids = (edge: TestEdge): string[] => edge.out.lines.map((line) => (JSON.parse(line) as { id: string }).id)
  const edgeOf = (env: { readonly [name: string]: string } = {}): TestEdge & { readonly waits: readonly number[] } => {
    const clock = new FastClock()
    return Object.assign(testEdge(tmpdir(), { env, clock }), { waits: clock.waits })
  }

  it('each record is one line of JSON, digit by digit as it was sent, and --count ends it', async () => {
    const big = '{"type":"record","id":"0-1","cursor":"w1.1","data":{"n":9007199254740993}}'
    const server = await play((session) => {
      send(
        session,
        { type: 'welcome', consumer: 'acme', expiresAt: 'x' },
        { type: 'subscribed', cursor: 'w1.0', plan: 'free' },
      )
      session.send(big)
      send(session, ...records(2, 9))
    })
    const edge = edgeOf({ WEIR_TOKEN: 'from-env' })
    assert.equal(await edge.run('tail', server.url, '--json', '--count', '3', '--from', '-PT5M', '--where', 'a==1'), 0)
    assert.equal(edge.out.lines[0], big)
    assert.deepEqual(ids(edge), ['0-1', '0-2', '0-3'])
    assert.deepEqual(server.requests, [{ from: '-PT5M', where: 'a==1', authorization: 'Bearer from-env' }])
    assert.match(edge.err.text, /go on with --from w1\.3$/m)
  })

  it('for people a line is time, id, key and data, and nothing in it can rewrite the terminal', async () => {
    const server = await play((session) => {
      send(session, ...records(1, 1), { type: 'record', id: '0-2', key: '\u001b[2J\u009b', data: null, cursor: 'w1.2' })
    })
    const edge = edgeOf()
    assert.equal(await edge.run('tail', server.url, '--count', '2'), 0)
    assert.equal(edge.out.lines[0], '2026-11-22T15:00:00.000Z  0-1  k  {"n":1}')
    assert.equal(edge.out.lines[1], '-  0-2  \\u001b[2J\\u009b  null')
  })

  it('a connection lost midway goes on behind the last record printed: nothing missing, nothing twice', async () => {
    const server = await play(
      (session) => {
        send(session, { type: 'subscribed', cursor: 'w1.0' }, ...records(1, 3))
        session.send('{"type":"position","cursor":"w1.4"}', () => session.terminate())
      },
      (session) => send(session, { type: 'subscribed', cursor: 'w1.4' }, ...records(5, 8)),
    )
    const edge = edgeOf()
    assert.equal(await edge.run('tail', server.url, '--json', '--count', '5', '--token', 'T'), 0)
    assert.deepEqual(ids(edge), ['0-1', '0-2', '0-3', '0-5', '0-6'])
    assert.deepEqual(
      server.requests.map(({ from }) => from),
      [null, 'w1.4'],
    )
  })

  it('the cursor is where we stand, not where the server says it stood when it closed', async () => {
    const server = await play(
      (session) => {
        send(session, ...records(1, 1))
        send(session, { type: 'closing', code: 4000, error: 'draining', retry: 'now', cursors: { '0': 'w1.99' } })
        session.close(4000)
      },
      (session) => send(session, ...records(2, 2)),
    )
    const edge = edgeOf()
    assert.equal(await edge.run('tail', server.url, '--json', '--count', '2'), 0)
    assert.equal(server.requests[1]?.from, 'w1.1')
    assert.match(edge.err.text, /This node is going away \(4000\); connecting again/)
  })

  it('4000 and its like wait as long as the gateway asks', async () => {
    const server = await play(
      (session) => {
        send(session, { type: 'closing', code: 4004, error: 'too-many-connections', retry: 'later', retryAfter: 7 })
        session.close(4004)
      },
      (session) => send(session, ...records(1, 1)),
    )
    const edge = edgeOf()
    assert.equal(await edge.run('tail', server.url, '--count', '1'), 0)
    assert.ok(edge.waits.includes(7500), `7 s and half of the spread, not ${edge.waits.join()}`)
  })

  it('4201 stops and asks for a new token; 4404 stops and says why', async () => {
    const closing =
      (code: number, error: string): Act =>
      (session) => {
        send(session, ...records(1, 1), { type: 'closing', code, error, retry: 'never', detail: 'The reason.' })
        session.close(code)
      }
    const expired = await play(closing(4201, 'token-expired'))
    const first = edgeOf()
    assert.equal(await first.run('tail', expired.url), 1)
    assert.match(first.err.text, /The reason\. \(4201\); get a new token[^]*go on with --from w1\.1$/m)
    assert.equal(expired.requests.length, 1)
    const missing = await play((session) => session.close(4404, 'no such stream'))
    const second = edgeOf()
    assert.equal(await second.run('tail', missing.url), 1)
    assert.match(second.err.text, /no such stream \(4404\)$/m)
  })

  it('an error or end of the subscription is obeyed by its code', async () => {
    const refused = await play((session) =>
      send(session, { type: 'error', id: '0', code: 'forbidden', title: 'Not allowed', detail: 'Scope x.' }),
    )
    const edge = edgeOf()
    assert.equal(await edge.run('tail', refused.url), 1)
    assert.match(edge.err.text, /Not allowed: Scope x\. \(4403\)/)
    const back = await play(
      (session) => send(session, { type: 'ended', id: '0', code: 'source-unavailable', retry: 'later' }),
      (session) => send(session, ...records(1, 1)),
    )
    assert.equal(await edgeOf().run('tail', back.url, '--count', '1'), 0)
  })

  it('a handshake refused by HTTP is told in the words of the problem, and waited out where waiting helps', async () => {
    const denied = await play({
      status: 401,
      problem: { title: 'A valid token is needed', detail: 'No token.', code: 'unauthenticated' },
    })
    const edge = edgeOf()
    assert.equal(await edge.run('tail', denied.url), 1)
    assert.match(edge.err.text, /A valid token is needed: No token\. \(4401\)/)
    const busy = await play({ status: 503, headers: { 'retry-after': '3' } }, (session) =>
      send(session, ...records(1, 1)),
    )
    const patient = edgeOf()
    assert.equal(await patient.run('tail', busy.url, '--count', '1'), 0)
    assert.ok(patient.waits.includes(3500))
    const page = await play({ status: 200 })
    const lost = edgeOf()
    assert.equal(await lost.run('tail', page.url), 1)
    assert.match(lost.err.text, /no WebSocket is spoken there/)
  })

  it('a gateway that was never reached is exit 3; one that was is tried again', async () => {
    const gone = await play(() => {})
    await gone.close()
    const edge = edgeOf()
    assert.equal(await edge.run('tail', gone.url), 3)
    assert.match(edge.err.text, /cannot be reached: .*ECONNREFUSED/)
    const going = await playGateway([
      (session) => {
        send(session, ...records(1, 1))
        void going.close()
      },
    ])
    const loyal = edgeOf()
    loyal.err.onWrite = () => {
      if (loyal.err.text.split('ECONNREFUSED').length === 4) loyal.abort()
    }
    assert.equal(await loyal.run('tail', going.url), 0)
    assert.match(loyal.err.text, /ECONNREFUSED[^]*\(1006\); connecting again in/)
  })

  it('an interruption ends it, in the stream as well as while waiting, and names the cursor', async () => {
    const server = await play((session) => send(session, ...records(1, 2)))
    const edge = edgeOf()
    edge.out.onWrite = (text) => {
      if (text.includes('0-2')) edge.abort()
    }
    assert.equal(await edge.run('tail', server.url), 0)
    assert.match(edge.err.text, /go on with --from w1\.2$/m)
    const away = await play((session) => {
      send(session, ...records(1, 1))
      session.close(4002)
    })
    const waiting = edgeOf()
    waiting.err.onWrite = (text) => {
      if (text.includes('connecting again')) waiting.abort()
    }
    assert.equal(await waiting.run('tail', away.url), 0)
    assert.match(waiting.err.text, /go on with --from w1\.1$/m)
  })

  it('a reader of stdout that is slow holds up the connection, not our memory', async () => {
    const server = await play((session) => {
      const big = records(1, 100).map((record) => ({ ...record, data: 'x'.repeat(128 * 1024) }))
      send(session, ...big)
    })
    const edge = edgeOf()
    let waiting = 0
    let waitingMax = 0
    edge.out.full = true
    edge.out.onWrite = () => (waitingMax = Math.max(waitingMax, ++waiting))
    edge.out.drained = async () => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      waiting = 0
    }
    assert.equal(await edge.run('tail', server.url, '--count', '100'), 0)
    assert.equal(edge.out.lines.length, 100)
    assert.ok(waitingMax <= 3, `${waitingMax} records were printed to a reader that takes one at a time`)
  })

  it('gaps, pauses and invalid records are told to people and leave stdout to records', async () => {
    const server = await play((session) => {
      send(
        session,
        { type: 'gap', cursor: 'w1.5', reason: 'retention', from: 'A', to: 'B', offsets: 12 },
        { type: 'paused', cursor: 'w1.5', reason: 'quota', resumesAt: 'C', keptUntil: 'D' },
        { type: 'resumed' },
        { type: 'invalid', id: '0-5', cursor: 'w1.6', reason: 'not JSON' },
        { type: 'notice', kind: 'quota-80' },
        ...records(6, 6),
      )
    })
    const edge = edgeOf()
    assert.equal(await edge.run('tail', server.url, '--json', '--count', '1'), 0)
    assert.deepEqual(ids(edge), ['0-6'])
    for (const said of [
      /gap \(retention\): up to 12/,
      /paused \(quota\) until C/,
      /resumed/,
      /invalid record 0-5/,
      /quota-80/,
    ]) {
      assert.match(edge.err.text, said)
    }
  })

  it('wrong usage is told before anything is sent', async () => {
    for (const args of [
      ['ftp://a'],
      ['a/b'],
      ['http://u:p@a/'],
      ['http://a/', '--count', '0'],
      ['http://a/', '--count', 'x'],
      [],
    ]) {
      assert.equal(await edgeOf().run('tail', ...args), 2, args.join(' '))
    }
  })
})
