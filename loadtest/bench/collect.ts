/** Preloaded into a measured process (`--expose-gc --import`): a signal collects garbage, so that resident memory is what is held. */
import { fileURLToPath } from 'node:url'

const SIGNAL = 'SIGUSR2'

/** Arguments of node for a process of which memory is measured. */
export const COLLECTS: readonly string[] = ['--expose-gc', '--import', fileURLToPath(import.meta.url)]

export function collectGarbage(pid: number): void {
  process.kill(pid, SIGNAL)
}

const { gc } = globalThis
// Twice: what finalizers let go of in the first goes in the second.
if (gc) process.on(SIGNAL, () => [0, 500].map((ms) => setTimeout(() => gc(), ms)))
