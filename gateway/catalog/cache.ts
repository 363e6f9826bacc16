import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.ts'
import { version } from '../package.ts'
import { hashOf, PLAN_FORMAT } from './compile.ts'
import { PASSING_FINDINGS } from './compiler.ts'
import type { DocumentText } from './document.ts'
import { isObject } from './json.ts'
import type { Plan } from './plan.ts'

/** Where Plans come from: the compiler itself, or this cache around it. */
export interface PlanSource {
  compile(document: DocumentText): Promise<Plan>
}

/**
 * Compiled Plans in a folder, so that a start with nothing new needs neither the AsyncAPI parser nor its thread. A file that
 * cannot be read back is compiled anew; a folder that cannot be written to costs time at the next start, not the service.
 */
export class PlanCache implements PlanSource {
  readonly #folder: string
  readonly #compiler: PlanSource
  readonly #log: Log

  /** Plans live in `<dataDir>/plans`. */
  constructor(dataDir: string, compiler: PlanSource, log: Log) {
    this.#folder = join(dataDir, 'plans')
    this.#compiler = compiler
    this.#log = log
  }

  async compile(document: DocumentText): Promise<Plan> {
    const file = join(this.#folder, `${keyOf(document)}.json`)
    const known = await this.#read(file, hashOf(document))
    if (known) return known
    const plan = await this.#compiler.compile(document)
    if (!plan.findings.some(({ code }) => PASSING_FINDINGS.has(code))) await this.#write(file, plan)
    return plan
  }

  async #read(file: string, hash: string): Promise<Plan | null> {
    try {
      const plan = planIn(JSON.parse(await readFile(file, 'utf8')), hash)
      if (plan) return plan
      this.#log.warn({ file }, 'cached plan is not what it should be; compiling anew')
    } catch (error) {
      if (codeOf(error) !== 'ENOENT')
        this.#log.warn({ file, error: String(error) }, 'cached plan unreadable; compiling anew')
    }
    return null
  }

  /** Written beside and renamed, so that no reader ever sees half a Plan. */
  async #write(file: string, plan: Plan): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true })
      await replaceFile(file, JSON.stringify({ ...plan, checksum: checksumOf(plan) }))
    } catch (error) {
      this.#log.warn({ file, error: String(error) }, 'plan could not be cached')
    }
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const half = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(half, text)
    await rename(half, file)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}

/** Findings name files, so the names belong to the key as well as the bytes, the shape of Plans and Weir's version. */
function keyOf(document: DocumentText): string {
  const parts = [hashOf(document), document.file, document.overlay?.file ?? null, PLAN_FORMAT, version]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function checksumOf(plan: Plan): string {
  const { format, hash, file, product, findings } = plan
  return createHash('sha256')
    .update(JSON.stringify([format, hash, file, product, findings]))
    .digest('hex')
}

function planIn(value: unknown, hash: string): Plan | null {
  if (!isObject(value) || value['format'] !== PLAN_FORMAT || value['hash'] !== hash) return null
  const { checksum, ...plan } = value as unknown as Plan & { readonly checksum: unknown }
  return checksum === checksumOf(plan) ? plan : null
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}
