import type { Path } from './node.ts'

/** One thing wrong with the configuration: where, what, and what to do. */
export interface Problem {
  /** The file as it was named; `null` where an environment variable or nothing at all is at fault. */
  readonly file: string | null
  /** 1-based; `null` where the place has no line. */
  readonly line: number | null
  /** The key (`listen.port`) or the environment variable (`WEIR_LISTEN_PORT`); `''` for the whole. */
  readonly key: string
  readonly what: string
  readonly fix: string
}

/** `weir.yaml:3: listen.prot: is not a key — did you mean \`port\`?` */
export function formatProblem({ file, line, key, what, fix }: Problem): string {
  const place =
    file === null ? (key.startsWith('WEIR_') ? 'environment: ' : '') : `${file}${line === null ? '' : `:${line}`}: `
  return `${place}${key === '' ? '' : `${key}: `}${what} — ${fix}`
}

/** How a walker says that something is wrong at a place, wherever the value came from. */
export type Complain = (path: Path, what: string, fix: string) => void
