import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import { packageRoot } from '../package.ts'

/** A file that pages load. */
export interface Asset {
  readonly type: string
  readonly body: Uint8Array
}

/** All of them, in memory; under a name that changes with any of them, so that browsers may keep them for ever. */
export interface Assets {
  readonly tag: string
  /** `portal/live.js`, `client/follow.js`: as the modules name each other. */
  get(path: string): Asset | null
}

const STYLE = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'
const MARK = 'image/svg+xml'

/** The scripts as the compiler left them, the client among them, and what stands beside their source. Throws where one is missing. */
export function readAssets(): Assets {
  const built = new Map([
    ['portal/', dirname(fileURLToPath(new URL('../../portal/live.js', import.meta.url)))],
    ['client/', dirname(fileURLToPath(new URL('../../client/follow.js', import.meta.url)))],
  ])
  const files = new Map<string, Asset>()
  for (const [place, folder] of built) {
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.js')))
      files.set(place + name, { type: SCRIPT, body: scriptIn(join(folder, name)) })
  }
  const rawMember = fileURLToPath(new URL('../rawMember.js', import.meta.url))
  files.set('gateway/rawMember.js', { type: SCRIPT, body: scriptIn(rawMember) })
  for (const [name, type] of [
    ['style.css', STYLE],
    ['live.css', STYLE],
    ['mark.svg', MARK],
  ] as const)
    files.set(`portal/${name}`, { type, body: readFileSync(join(packageRoot, 'portal', name)) })
  const hash = createHash('sha256')
  for (const [name, { body }] of files) hash.update(name).update(body)
  return { tag: hash.digest('base64url').slice(0, 12), get: (path) => files.get(path) ?? null }
}

/** Without the name of its map, which is not served. */
function scriptIn(file: string): Buffer {
  return Buffer.from(readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, ''))
}
