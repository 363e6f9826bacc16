import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A TCP proxy on loopback whose connections the test cuts, as a network would: without a word to either side. */
export class Proxy {
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, target: URL) {
    this.#server = server
    server.on('connection', (socket) => this.#join(socket, connect(Number(target.port), target.hostname)))
  }

  static async to(target: string): Promise<Proxy> {
    const server = createServer()
    const proxy = new Proxy(server, new URL(target))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #join(near: Socket, far: Socket): void {
    this.connections++
    near.pipe(far).pipe(near)
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
