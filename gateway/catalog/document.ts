import { parseYaml, type YamlError } from '../drivers/yaml.ts'
import type { FindingCode } from './codes.ts'
import { Findings } from './findings.ts'
import type { Source } from './findings.ts'
import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'
import type { Finding } from './plan.ts'
import { checkRefs } from './refs.ts'

/** The texts of one document, as they were read. */
export interface DocumentText {
  readonly file: string
  readonly text: string
  readonly overlay: { readonly file: string; readonly text: string } | null
}

export interface DocumentLimits {
  readonly documentBytesMax: number
}

/** A document that is safe to hand to the AsyncAPI parser: plain JSON, bounded, and closed in itself. */
export interface AsyncApiDocument {
  readonly root: JsonObject
  readonly major: 2 | 3
  readonly findings: Findings
}

const KNOWN_VERSION = /^(?:2\.[0-6]|3\.[01])\.\d+$/

/** Reads and merges the texts, and refuses what could harm whoever works on it next; then the findings alone say why. */
export function readDocument(input: DocumentText, limits: DocumentLimits): AsyncApiDocument | readonly Finding[] {
  const document = parse(input.file, input.text, limits)
  const overlay = input.overlay && parse(input.overlay.file, input.overlay.text, limits)
  const sources = overlay ? [document, overlay] : [document]
  const broken = sources.flatMap(({ file, yaml }) => yaml.errors.map((error) => syntaxFinding(file, error)))
  if (broken.length > 0) return broken
  const findings = new Findings(sources)
  const root = merged(document, overlay, findings)
  const version = root && versionOf(root, findings)
  if (root) checkRefs(root, findings)
  if (!root || !version || findings.failed) return findings.list
  return { root, major: version.startsWith('2.') ? 2 : 3, findings }
}

function parse(file: string, text: string, { documentBytesMax }: DocumentLimits): Source {
  return { file, yaml: parseYaml(text, { bytesMax: documentBytesMax }) }
}

function syntaxFinding(file: string, { line, column, message }: YamlError): Finding {
  const fix = 'Mend the text; it must be one YAML 1.2 or JSON document.'
  return { severity: 'error', code: 'unreadable' satisfies FindingCode, message, fix, pointer: '', file, line, column }
}

function merged(document: Source, overlay: Source | null, findings: Findings): JsonObject | null {
  const base = document.yaml.value
  if (!isObject(base) || !Object.hasOwn(base, 'asyncapi')) {
    findings.error('not-asyncapi', [], 'this is no AsyncAPI document', 'Begin it with `asyncapi: 3.0.0`.')
    return null
  }
  const top = overlay?.yaml.value ?? {}
  if (!isObject(top)) {
    findings.error('overlay-invalid', [], 'the overlay must be a map of keys', 'Begin it with `info:` or `channels:`.')
    return null
  }
  return merge(base, top)
}

/** Objects are merged key by key, everything else is replaced. New objects throughout: neither text is changed. */
function merge(base: JsonObject, top: JsonObject): JsonObject {
  const result: { [key: string]: unknown } = { ...base }
  for (const [key, value] of Object.entries(top)) {
    const below = Object.hasOwn(base, key) ? base[key] : undefined
    result[key] = isObject(value) && isObject(below) ? merge(below, value) : value
  }
  return result
}

function versionOf(root: JsonObject, findings: Findings): string | null {
  const version = root['asyncapi']
  if (typeof version === 'string' && KNOWN_VERSION.test(version)) return version
  const shown = typeof version === 'string' ? version.slice(0, 40) : JSON.stringify(version)?.slice(0, 40)
  const fix = 'Use 2.0.0 to 2.6.0, 3.0.0 or 3.1.0, as a string.'
  findings.error('version-unsupported', ['asyncapi'], `AsyncAPI version ${shown} is not known here`, fix)
  return null
}
