import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'

/** Stands between us and a Redis that can be slow, silent, gone, or another one. */
export interface RedisProxy {
  readonly url: string
  /** Where connections lead from now on; `null`: nowhere. */
  target: string | null
  /** Answers come so much later, in their order; Infinity: never. */
  delayMs: number
  /** Breaks all connections. */
  cut(): void
  close(): void
}

export async function openRedisProxy(target: string): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client.on('error', () => client.destroy()))
    if (proxy.target === null) {
      client.destroy()
      return
    }
    const { hostname, port } = new URL(proxy.target)
    const upstream = connect({ host: hostname, port: Number(port) })
    sockets.add(upstream.on('error', () => upstream.destroy()))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.on('data', (chunk) => upstream.write(chunk))
    const answer = inOrder(client)
    upstream.on('data', (chunk) => void (proxy.delayMs < Infinity && answer(chunk, proxy.delayMs)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const proxy: RedisProxy = {
    url: `redis://127.0.0.1:${port}`,
    target,
    delayMs: 0,
    cut: () => {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    close: () => {
      proxy.cut()
      server.close()
    },
  }
  return proxy
}

/** Writes late, and nothing before what came before it: answers are told apart by their order alone. */
function inOrder(client: Socket): (chunk: Buffer, delayMs: number) => void {
  let behind = 0
  let last: Promise<unknown> = Promise.resolve()
  return (chunk, delayMs) => {
    if (behind === 0 && delayMs === 0) return void client.write(chunk)
    behind++
    const wait = later(delayMs)
    last = last
      .then(() => wait)
      .then(() => {
        behind--
        if (!client.destroyed) client.write(chunk)
      })
  }
}
