import type { Location, Log, ReportingDescriptor, Result } from 'sarif'
import { findingRow } from '../../catalog/codes.ts'
import type { Finding } from '../../catalog/plan.ts'
import { version } from '../../package.ts'

const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const

/** Findings as SARIF 2.1.0 (OASIS), which code scanners and editors take in. */
export function sarifOf(findings: readonly Finding[]): Log {
  const codes = [...new Set(findings.map(({ code }) => code))].sort()
  const driver = { name: 'weir', semanticVersion: version, rules: codes.map(ruleOf) }
  const results = findings.map((finding) => resultOf(finding, codes.indexOf(finding.code)))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, columnKind: 'utf16CodeUnits', results }],
  }
}

function ruleOf(id: string): ReportingDescriptor {
  const row = findingRow(id)
  if (row === null) return { id }
  return {
    id,
    shortDescription: { text: row.meaning },
    help: { text: row.advice },
    defaultConfiguration: { level: LEVELS[row.severity] },
  }
}

function resultOf({ severity, code, message, fix, ...place }: Finding, ruleIndex: number): Result {
  const text = fix === null ? message : `${message}. ${fix}`
  return { ruleId: code, ruleIndex, level: LEVELS[severity], message: { text }, locations: locationsOf(place) }
}

function locationsOf({ file, line, column }: Pick<Finding, 'file' | 'line' | 'column'>): Location[] {
  if (file === '') return []
  const artifactLocation = { uri: uriOf(file) }
  if (line === null) return [{ physicalLocation: { artifactLocation } }]
  const region = column === null ? { startLine: line } : { startLine: line, startColumn: column }
  return [{ physicalLocation: { artifactLocation, region } }]
}

/** RFC 3986: relative to where the command ran, or absolute as the file is. */
function uriOf(file: string): string {
  const path = file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
