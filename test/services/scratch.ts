import { randomInt } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()
let removesThem = false

/** A new empty folder that other users may pass through (PostgreSQL never runs as root); gone at the latest when this process ends. */
export function scratchFolder(name: string): string {
  if (!removesThem) process.once('exit', () => folders.forEach(removeFolder))
  removesThem = true
  const folder = mkdtempSync(join(tmpdir(), `weir-${name}-`))
  chmodSync(folder, 0o711)
  folders.add(folder)
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  folders.delete(folder)
}

/**
 * Free ports of 127.0.0.1, below the range that the kernel gives to outgoing connections: so that a broker that is
 * restarted finds its port free.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })
}
