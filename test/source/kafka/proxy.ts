import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between our client and real brokers: counts what is asked, and lets brokers seem older than they are. */
export interface Proxy {
  readonly brokers: readonly string[]
  /** Requests so far, by API key. */
  readonly asked: Map<number, number>
  /** Each request goes on when this resolves. */
  meanwhile: (apiKey: number, frame: Buffer) => Promise<void>
  close(): void
}

export const API = { fetch: 1, listOffsets: 2, metadata: 3, apiVersions: 18, leaderEpochs: 23 } as const

/** `versionsMax`: the highest version that brokers own up to, by API key. `at`: its own ports, any free ones if absent. */
export async function openProxy(
  brokers: readonly string[],
  versionsMax: { readonly [apiKey: number]: number } = {},
  at: readonly number[] = [],
): Promise<Proxy> {
  const asked = new Map<number, number>()
  const ports = new Map<string, number>()
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  for (const [i, broker] of brokers.entries()) {
    const [host, port] = [broker.slice(0, broker.lastIndexOf(':')), Number(broker.slice(broker.lastIndexOf(':') + 1))]
    const server = createServer((client) => {
      const upstream = connect({ host, port })
      const pending = new Map<number, number>()
      let last = Promise.resolve()
      for (const socket of [client, upstream]) sockets.add(socket.on('error', () => socket.destroy()))
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
      frames(client, (frame) => {
        const apiKey = frame.readInt16BE(4)
        asked.set(apiKey, (asked.get(apiKey) ?? 0) + 1)
        pending.set(frame.readInt32BE(8), apiKey)
        last = last.then(() => proxy.meanwhile(apiKey, frame)).then(() => void upstream.write(frame))
      })
      frames(upstream, (frame) => {
        const apiKey = pending.get(frame.readInt32BE(4))
        pending.delete(frame.readInt32BE(4))
        if (apiKey === API.apiVersions) age(frame, versionsMax)
        if (apiKey === API.metadata) for (const [name, other] of ports) redirect(frame, name, other)
        client.write(frame)
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(at[i] ?? 0, '127.0.0.1', resolve))
    ports.set(broker, (server.address() as { port: number }).port)
  }
  const proxy: Proxy = {
    brokers: [...ports].map(([name, port]) => `${name.slice(0, name.lastIndexOf(':'))}:${port}`),
    asked,
    meanwhile: async () => {},
    close: () => {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return proxy
}

/** Whole frames, each with its length before it. */
function frames(socket: Socket, take: (frame: Buffer) => void): void {
  let held = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0)
      take(Buffer.from(held.subarray(0, end)))
      held = held.subarray(end)
    }
  })
}

/** ApiVersions v0: an error code, then key, lowest and highest version of each. */
function age(frame: Buffer, versionsMax: { readonly [apiKey: number]: number }): void {
  const count = frame.readInt32BE(10)
  for (let at = 14; at < 14 + count * 6; at += 6) {
    const max = versionsMax[frame.readInt16BE(at)]
    if (max !== undefined) frame.writeInt16BE(Math.min(max, frame.readInt16BE(at + 4)), at + 4)
  }
}

/** In every version of Metadata a broker's port stands behind its host. */
function redirect(frame: Buffer, broker: string, port: number): void {
  const split = broker.lastIndexOf(':')
  const place = Buffer.alloc(split + 4)
  place.write(broker.slice(0, split))
  place.writeInt32BE(Number(broker.slice(split + 1)), split)
  const at = frame.indexOf(place)
  if (at >= 0) frame.writeInt32BE(port, at + split)
}
