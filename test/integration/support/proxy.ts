import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A TCP proxy on loopback whose connections the test cuts, as a network would: without a word to either side. */
export class Proxy {
  connections = 0
  readonly #server: Server
  readonly #lifeBytes: (connection: number) => number
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, target: URL, lifeBytes: (connection: number) => number) {
    this.#server = server
    this.#lifeBytes = lifeBytes
    server.on('connection', (socket) => this.#accept(socket, target))
  }

  /** `lifeBytes` is asked for each connection, by its number from 0, how many bytes of answers it brings before it is cut. */
  static async to(target: string, lifeBytes: (connection: number) => number = () => Infinity): Promise<Proxy> {
    const server = createServer()
    const proxy = new Proxy(server, new URL(target), lifeBytes)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#sockets.size
  }

  cut(): void {
    for (const socket of this.#sockets) reset(socket)
  }

  /** Lets nothing through any more on the connections that are open, and tells nobody. */
  silence(): void {
    for (const socket of this.#sockets) socket.unpipe().removeAllListeners('data').pause()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #accept(near: Socket, { port, hostname }: URL): void {
    const life = this.#lifeBytes(this.connections++)
    near.on('error', () => undefined)
    if (life === 0) reset(near)
    else this.#join(near, connect(Number(port), hostname), life)
  }

  #join(near: Socket, far: Socket, life: number): void {
    near.pipe(far)
    if (life === Infinity) far.pipe(near)
    else passUpTo(life, far, near)
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
  }
}

/** Cuts both ends behind the byte, wherever in a frame that is. */
function passUpTo(life: number, from: Socket, to: Socket): void {
  let left = life
  from.on('data', (bytes: Buffer) => {
    const last = bytes.length >= left
    to.write(last ? bytes.subarray(0, left) : bytes, () => {
      if (!last) return
      reset(to)
      reset(from)
    })
    left -= bytes.length
    if (last) from.removeAllListeners('data').pause()
  })
}

/**
 * Ends it by RST. Not while its FIN is on the way out: the handle then refuses (EINVAL), is never closed, and the process, when it is
 * done, waits for that for ever, at full speed.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
