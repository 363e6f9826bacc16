import type { Stats } from 'node:fs'
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, sep } from 'node:path'
import type { FindingCode } from './codes.ts'
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

/** What files looked like, by name: who walks again and again reads the beginning of those alone that have changed. */
export type Looks = Map<string, { readonly state: string; readonly isDocument: boolean }>

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])
const OVERLAY = /\.product\.ya?ml$/

/** Every file below the named folders, and every named file, that looks like an AsyncAPI document; in the order of their names. */
export async function findDocuments(
  specs: readonly string[],
  limits: Partial<FilesLimits> = {},
  looks: Looks = new Map(),
): Promise<FoundFiles> {
  const walk = new Walk({ ...FILES_LIMITS, ...limits }, looks)
  for (const spec of specs) await walk.enter(spec)
  return walk
}

class Walk implements FoundFiles {
  readonly files: DocumentFile[] = []
  readonly findings: Finding[] = []
  readonly #limits: FilesLimits
  readonly #looks: Looks
  readonly #seen = new Set<string>()
  #entries = 0

  constructor(limits: FilesLimits, looks: Looks) {
    this.#limits = limits
    this.#looks = looks
  }

  async enter(spec: string): Promise<void> {
    const stats = await this.#stat(spec)
    if (stats?.isFile()) await this.#named(spec)
    else if (stats?.isDirectory()) await this.#folder(spec, await realpath(spec))
  }

  /** Who names an overlay means the document that it belongs to. */
  async #named(file: string): Promise<void> {
    if (!OVERLAY.test(file)) return this.#take(file, true)
    const document = await documentOf(file)
    if (document === null) this.#alone(file, 'error')
    else await this.#take(document, true)
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
    if (!stats?.isFile() || !EXTENSIONS.has(extname(path))) return
    if (OVERLAY.test(path)) return void ((await documentOf(path)) ?? this.#alone(path, 'warning'))
    if (!(await realpath(path)).startsWith(root + sep))
      return this.#tell(
        'warning',
        'link-leaves-folder',
        path,
        'the link leaves the folder and is not followed',
        'Name the file that it leads to.',
      )
    if (await this.#isDocument(path, stats)) await this.#take(path, false)
  }

  async #isDocument(path: string, stats: Stats): Promise<boolean> {
    const state = wordOf(stats)
    const known = this.#looks.get(path)
    if (known?.state === state) return known.isDocument
    const isDocument = await looksLikeAsyncApi(path)
    this.#looks.set(path, { state, isDocument })
    return isDocument
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

  #alone(file: string, severity: Finding['severity']): void {
    this.#tell(
      severity,
      'overlay-alone',
      file,
      'the overlay stands beside no document of its name, and nothing of it counts',
      'Name it after its document: `orders.product.yaml` beside `orders.yaml`.',
    )
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

  #tell(severity: Finding['severity'], code: FindingCode, file: string, message: string, fix: string): void {
    this.findings.push(fileFinding(severity, code, file, message, fix))
  }
}

export function fileFinding(
  severity: Finding['severity'],
  code: FindingCode,
  file: string,
  message: string,
  fix: string,
): Finding {
  return { severity, code, message, fix, pointer: '', file, line: null, column: null }
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

/**
 * Tells two states of a document's files apart without reading them: another file by that name, another size or time, another
 * overlay. `null` where it is gone.
 */
export async function stateOf(file: string): Promise<string | null> {
  const overlay = await overlayOf(file)
  const states: string[] = []
  for (const one of overlay === null ? [file] : [file, overlay]) {
    const stats = await statOf(one)
    if (stats === null) return null
    states.push(`${one} ${wordOf(stats)}`)
  }
  return states.join('\n')
}

function wordOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(' ')
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

/** The document that an overlay belongs to, `null` where there is none. */
async function documentOf(overlay: string): Promise<string | null> {
  for (const ending of EXTENSIONS) {
    const document = overlay.replace(OVERLAY, ending)
    if (await isFile(document)) return document
  }
  return null
}

/**
 * Where recorded sample records of a stream stand beside its document (`NAME.STREAM.ndjson`), `null` where there are none. A stream's
 * id is its channel's name in lower case, and people call the file as they call the channel.
 */
export async function recordedDataOf(documentFile: string, streamId: string): Promise<string | null> {
  const folder = dirname(documentFile)
  const [start, end] = [`${baseOf(documentFile)}.`, '.ndjson']
  const names = (await readdir(folder)).filter((name) => name.startsWith(start) && name.endsWith(end)).sort()
  const found = names.find((name) => name.slice(start.length, -end.length).toLowerCase() === streamId)
  return found !== undefined && (await isFile(join(folder, found))) ? join(folder, found) : null
}

function baseOf(file: string): string {
  return basename(file, extname(file))
}

/** Whether something is there by this name. */
export async function isThere(path: string): Promise<boolean> {
  return (await statOf(path)) !== null
}

async function isFile(file: string): Promise<boolean> {
  return (await statOf(file))?.isFile() ?? false
}

async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
    throw error
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
