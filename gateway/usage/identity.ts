import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../errors.ts'

const FILE = 'node.json'
/** A worker beyond the first counts in a file of its own: no two processes write the same. */
const fileOf = (worker: number): string => (worker === 0 ? FILE : `node-${worker}.json`)

/** Who reports usage: with `seq` it names a message for ever, so a start that cannot count itself is none. */
export interface NodeIdentity {
  readonly node: string
  /** Counts the worker's starts in this folder, from 1. */
  readonly boot: number
}

/**
 * The node's name, given or made once, and the worker's count of starts, one higher than before. All workers have the name that the first
 * one has, which starts before them. Throws a `Fault` where the folder cannot keep it.
 */
export async function nextBoot(
  dataDir: string,
  given: string | null,
  fresh: () => string,
  worker = 0,
): Promise<NodeIdentity> {
  const file = join(dataDir, fileOf(worker))
  const known = await readKnown(file)
  const first = worker === 0 ? known : await readKnown(join(dataDir, FILE))
  const node = given ?? first?.node ?? fresh()
  // Under another name it counts from where it is: no boot of either name is ever another's.
  const boot = (known?.boot ?? 0) + 1
  try {
    await mkdir(dataDir, { recursive: true })
    await writeFile(`${file}.tmp`, `${JSON.stringify({ version: 1, node, boot })}\n`)
    await rename(`${file}.tmp`, file)
  } catch (cause) {
    throw new Fault('usage', `${file} cannot be written: without it usage could be counted twice`, { cause })
  }
  return { node, boot }
}

async function readKnown(file: string): Promise<NodeIdentity | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Fault('usage', `${file} cannot be read`, { cause: error })
  }
  const { version, node, boot } = parsed(text)
  if (version !== 1 || typeof node !== 'string' || typeof boot !== 'number' || !Number.isSafeInteger(boot))
    throw new Fault(
      'usage',
      `${file} holds no count of starts; restore it, or give this node another name and remove it`,
    )
  return { node, boot }
}

function parsed(text: string): { readonly [member: string]: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { readonly [member: string]: unknown }
  } catch {
    return {}
  }
}
