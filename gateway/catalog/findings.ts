import type { Yaml } from '../drivers/yaml.ts'
import type { FindingCode } from './codes.ts'
import { pointerOf } from './json.ts'
import type { Path } from './json.ts'
import type { Finding, Plan } from './plan.ts'

/** One text that a Plan is made of. */
export interface Source {
  readonly file: string
  readonly yaml: Yaml
}

/** Collects what is to be told about a document, each with the file and line that its author has to open. */
export class Findings {
  readonly #sources: readonly Source[]
  readonly #list: Finding[] = []

  /** The overlay, where there is one, comes last: it has the last word on what it names. */
  constructor(sources: readonly Source[]) {
    this.#sources = sources
  }

  get list(): readonly Finding[] {
    return this.#list
  }

  get failed(): boolean {
    return this.#list.some(({ severity }) => severity === 'error')
  }

  error(code: FindingCode, path: Path, message: string, fix: string | null): void {
    this.add('error', code, path, message, fix)
  }

  add(severity: Finding['severity'], code: FindingCode, path: Path, message: string, fix: string | null): void {
    // A document that is wrong in ten thousand places is not mended by the last of them.
    if (this.#list.length >= FINDINGS_MAX) return
    this.#list.push({ severity, code, message, fix, pointer: pointerOf(path), ...this.#placeOf(path) })
  }

  /** The deepest part of `path` that stands in one of the texts: what is missing is shown where it should be. */
  #placeOf(path: Path): Pick<Finding, 'file' | 'line' | 'column'> {
    for (let length = path.length; length >= 0; length--)
      for (const { file, yaml } of this.#sources.toReversed()) {
        const place = yaml.placeOf(path.slice(0, length))
        if (place !== null) return { file, ...place }
      }
    return { file: this.#sources[0]?.file ?? '', line: null, column: null }
  }
}

const FINDINGS_MAX = 200

/** Whether partners may be served from the Plan. */
export function servable(plan: Plan): boolean {
  return plan.product !== null && plan.findings.every(({ severity }) => severity !== 'error')
}
