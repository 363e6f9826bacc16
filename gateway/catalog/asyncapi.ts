import type { FindingCode } from './codes.ts'
import type { Findings } from './findings.ts'
import type { JsonObject } from './json.ts'

/**
 * Asks the official parser whether the document keeps the AsyncAPI specification. It is imported on first use, since that alone takes
 * a second, and only in the compiler's thread. It judges; what the Plan is made of is read from the document
 * itself, so that every finding keeps its place and circles stay references.
 */
export async function validateAsyncApi(root: JsonObject, findings: Findings): Promise<void> {
  const { Parser } = await import('@asyncapi/parser')
  const parser = new Parser({ ruleset: { recommended: false, rules: RULES_OFF } })
  const diagnostics = await parser.validate(JSON.stringify(root))
  for (const { severity, code, message, path } of diagnostics) {
    const level: number = severity
    if (level > WARNING) continue
    const kind = level === WARNING ? 'warning' : 'error'
    findings.add(
      kind,
      `asyncapi-${slug(String(code))}` satisfies FindingCode,
      path.map(String),
      message,
      'See the AsyncAPI specification.',
    )
  }
}

/** Spectral's scale: 0 error, 1 warning, 2 information, 3 hint. */
const WARNING = 1

/** Rules that run the document's own patterns over the document's own examples by backtracking (CWE-1333); `streams.ts` tries examples safely. */
const RULES_OFF = {
  'asyncapi2-message-examples': 'off',
  'asyncapi2-message-examples-custom-format': 'off',
  'asyncapi2-schema-default': 'off',
  'asyncapi2-schema-examples': 'off',
  'asyncapi-latest-version': 'off',
} as const

function slug(code: string): string {
  return code
    .replace(/^asyncapi-?/, '')
    .replaceAll(/[^a-z0-9]+/gi, '-')
    .toLowerCase()
}
