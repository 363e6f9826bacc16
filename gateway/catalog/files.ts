import type { Stats } from 'node:fs'
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, sep } from 'node:path'
import type { DocumentText } from './document.ts'
import type { Finding } from './plan.ts'

/** A document on disk, not read yet. */
export interface DocumentFile {
  /** As the operator named it, or below the folder that he named. */
  readonly file: string
  /** Named itself, not found in a folder: then it must be an AsyncAPI document. */
  readonly named: boolean
}

export interface FilesLimits {
  /** Documents in all. */
  readonly filesMax: number
  /** Entries looked at in search of them: a folder named by mistake must not take minutes. */
  readonly entriesMax: number
}

export const FILES_LIMITS: FilesLimits = { filesMax: 1_000, entriesMax: 100_000 }

export interface FoundFiles {
  readonly files: readonly DocumentFile[]
  readonly findings: readonly Finding[]
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])
const OVERLAY = /\.product\.ya?ml$/

/** Every file below the named folders, and every named file, that looks like an AsyncAPI document; in the order of their names. */
export async function findDocuments(specs: readonly string[], limits: Partial<FilesLimits> = {}): Promise<FoundFiles> {
  const walk = new Walk({ ...FILES_LIMITS, ...limits })
  for (const spec of specs) await walk.enter(spec)
  return walk
}

class Walk implements FoundFiles {
  readonly files: DocumentFile[] = []
  readonly findings: Finding[] = []
  readonly #limits: FilesLimits
  readonly #seen = new Set<string>()
  #entries = 0

  constructor(limits: FilesLimits) {
    this.#limits = limits
  }

  async enter(spec: string): Promise<void> {
    const stats = await this.#stat(spec)
    if (stats?.isFile()) await this.#take(spec, true)
    else if (stats?.isDirectory()) await this.#folder(spec, await realpath(spec))
  }

  async #folder(folder: string, root: string): Promise<void> {
    const real = await realpath(folder)
    // A link back up is a circle, a link out is not what the operator named.
    if (this.#seen.has(real)) return
    if (real !== root && !real.startsWith(root + sep))
      return this.#tell(
        'warning',
        'link-leaves-folder',
        folder,
        'the link leaves the folder and is not followed',
        'Name the folder that it leads to.',
      )
    this.#seen.add(real)
    const names = (await readdir(folder)).filter((name) => !name.startsWith('.') && name !== 'node_modules').sort()
    for (const name of names) {
      if (++this.#entries > this.#limits.entriesMax)
        return this.#tooMany(folder, `more than ${this.#limits.entriesMax} entries`)
      await this.#entry(join(folder, name), root)
    }
  }

  async #entry(path: string, root: string): Promise<void> {
    const stats = await this.#stat(path)
    if (stats?.isDirectory()) return this.#folder(path, root)
    if (!stats?.isFile() || !EXTENSIONS.has(extname(path)) || OVERLAY.test(path)) return
    if (!(await realpath(path)).startsWith(root + sep))
      return this.#tell(
        'warning',
        'link-leaves-folder',
        path,
        'the link leaves the folder and is not followed',
        'Name the file that it leads to.',
      )
    if (await looksLikeAsyncApi(path)) await this.#take(path, false)
  }

  async #take(file: string, named: boolean): Promise<void> {
    const real = await realpath(file)
    if (this.#seen.has(real)) return
    this.#seen.add(real)
    if (this.files.length >= this.#limits.filesMax)
      return this.#tooMany(file, `more than ${this.#limits.filesMax} documents`)
    this.files.push({ file, named })
  }

  async #stat(path: string): Promise<Stats | null> {
    try {
      return await stat(path)
    } catch (error) {
      this.#tell(
        'error',
        'file-unreadable',
        path,
        `cannot be read: ${wordsOf(error)}`,
        'Correct `specs`, or the file and its permissions.',
      )
      return null
    }
  }

  #tooMany(file: string, what: string): void {
    if (this.findings.some(({ code }) => code === 'too-many-files')) return
    this.#tell(
      'error',
      'too-many-files',
      file,
      `there are ${what}; the rest is not read`,
      'Name fewer folders in `specs`.',
    )
  }

  #tell(severity: Finding['severity'], code: string, file: string, message: string, fix: string): void {
    this.findings.push(fileFinding(severity, code, file, message, fix))
  }
}

export function fileFinding(
  severity: Finding['severity'],
  code: string,
  file: string,
  message: string,
  fix: string,
): Finding {
  return { severity, code, message, fix, pointer: '', file, line: null }
}

/** Looks at the beginning only: data files beside documents may be large. Whether it is one, the compiler says. */
async function looksLikeAsyncApi(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0)
    return /(?:^|[{,]\s*|\n)["']?asyncapi["']?\s*:/.test(buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, ''))
  } finally {
    await handle.close()
  }
}

const SNIFF_BYTES = 64 * 1024

/** The document's text and that of its overlay `NAME.product.yaml`, or why they cannot be read. */
export async function readDocumentFile(file: string, documentBytesMax: number): Promise<DocumentText | Finding> {
  const text = await readText(file, documentBytesMax)
  if (typeof text !== 'string') return text
  const overlayFile = await overlayOf(file)
  if (overlayFile === null) return { file, text, overlay: null }
  const overlay = await readText(overlayFile, documentBytesMax)
  return typeof overlay === 'string' ? { file, text, overlay: { file: overlayFile, text: overlay } } : overlay
}

async function readText(file: string, bytesMax: number): Promise<string | Finding> {
  try {
    const { size } = await stat(file)
    if (size > bytesMax)
      return fileFinding(
        'error',
        'document-too-big',
        file,
        `the file has ${size} bytes, more than the ${bytesMax} allowed`,
        'Split the document.',
      )
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    const fix = 'Save it as UTF-8, and let the gateway read it.'
    return fileFinding('error', 'file-unreadable', file, `cannot be read: ${wordsOf(error)}`, fix)
  }
}

async function overlayOf(file: string): Promise<string | null> {
  for (const ending of ['.product.yaml', '.product.yml']) {
    const overlay = join(dirname(file), baseOf(file) + ending)
    if (await isFile(overlay)) return overlay
  }
  return null
}

/** Where recorded sample records of a stream stand beside its document (`NAME.STREAM.ndjson`), `null` where there are none. */
export async function recordedDataOf(documentFile: string, streamId: string): Promise<string | null> {
  const file = join(dirname(documentFile), `${baseOf(documentFile)}.${streamId}.ndjson`)
  return (await isFile(file)) ? file : null
}

function baseOf(file: string): string {
  return basename(file, extname(file))
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
