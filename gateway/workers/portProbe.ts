import { createServer, type AddressInfo } from 'node:net'
import { Fault } from '../errors.ts'

/**
 * The port itself, for 0 one that is free. Throws a `Fault` where somebody listens there already. Workers share their port with whoever listens as they do, so that a second gateway
 * would take a part of the clients, and nobody would be told; this one asks for the port alone, for a moment.
 */
export async function probePort(host: string, port: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Fault('unreachable', `Cannot listen on ${host}:${port}: the address is taken, or not ours.`, { cause }),
      ),
    )
    server.listen({ host, port, exclusive: true }, resolve)
  })
  const found = (server.address() as AddressInfo).port
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return found
}
