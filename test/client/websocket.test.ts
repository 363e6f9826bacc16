import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { clientSuite } from '../suites/client.ts'
import { until } from '../integration/support/until.ts'
import { records } from '../suites/client/scriptedGateway.ts'
import { EXPIRING } from '../suites/client/tokens.ts'
import { idsFrom, idsOf, take, World } from '../suites/client/world.ts'

/** As far as a browser's goes: it cannot be held up. */
class BrowserSocket {
  readonly #socket: WebSocket
  constructor(url: string, protocols: string[]) {
    this.#socket = new WebSocket(url, protocols)
  }
  get readyState(): number {
    return this.#socket.readyState
  }
  set onopen(listener: WebSocket['onopen']) {
    this.#socket.onopen = listener
  }
  set onmessage(listener: WebSocket['onmessage']) {
    this.#socket.onmessage = listener
  }
  set onclose(listener: WebSocket['onclose']) {
    this.#socket.onclose = listener
  }
  set onerror(listener: WebSocket['onerror']) {
    this.#socket.onerror = listener
  }
  send(text: string): void {
    this.#socket.send(text)
  }
  close(code?: number): void {
    this.#socket.close(code)
  }
}

describe('client × WebSocket', () => {
  clientSuite({ webSocket: WebSocket, talks: true })

  it('the session has its newer token though the consumer has not asked for anything yet', async () => {
    const world = new World({ webSocket: WebSocket, talks: true })
    const gateway = await world.play((scene) => scene.send(...records(1, 5), EXPIRING))
    let tokens = 0
    await take(world.follow(gateway, { token: () => `T${++tokens}` }), 1)
    const heard = await until('the newer token', () => gateway.scenes[0]?.heard.at(-1))
    assert.deepEqual(heard, { type: 'auth', token: 'T2' })
    await world.close()
  })

  it('a socket that cannot be held up is closed when the buffer is full, and the rest is fetched from the cursor', async () => {
    const world = new World({ webSocket: BrowserSocket, talks: true })
    const gateway = await world.play(
      (scene) => scene.send(...records(1, 200)),
      (scene) => scene.send(...records(11, 15)),
    )
    const client = world.follow(gateway, { bufferedFramesMax: 10 })
    const taken = await take(client, 15)
    assert.deepEqual(idsOf(taken), idsFrom(1, 15))
    assert.deepEqual(gateway.froms, [null, 'w1.10'])
    assert.ok(client.states.every(({ state }) => state !== 'waiting'))
    await world.close()
  })
})
