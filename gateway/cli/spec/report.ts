import type { Finding } from '../../catalog/plan.ts'
import { printable, say, type Edge } from '../edge.ts'
import { sarifOf } from './sarif.ts'

export const FORMATS = ['text', 'json', 'sarif', 'github'] as const
export type Format = (typeof FORMATS)[number]

/** Tells what was found in `documents` documents: to people on stderr, to programs on stdout. */
export function report(edge: Edge, format: Format, findings: readonly Finding[], documents: number): void {
  switch (format) {
    case 'text':
      return tell(edge, findings, documents)
    case 'json':
      return void edge.out.write(`${JSON.stringify({ ok: counted(findings).error === 0, documents, findings })}\n`)
    case 'sarif':
      return void edge.out.write(`${JSON.stringify(sarifOf(findings), null, 2)}\n`)
    case 'github':
      for (const finding of findings) edge.out.write(`${annotationOf(finding)}\n`)
  }
}

function tell(edge: Edge, findings: readonly Finding[], documents: number): void {
  for (const { file, line, column, severity, code, message, fix } of findings) {
    const place = [file, line, column].filter((part) => part !== null).join(':')
    say(edge, printable(`${place}: ${severity}: ${code} ${message}${fix === null ? '' : ` — ${fix}`}`))
  }
  const { error, warning, info } = counted(findings)
  const sum = `${amount(error, 'error')}, ${amount(warning, 'warning')}, ${amount(info, 'hint')}`
  say(edge, `${error === 0 ? 'ok' : 'refused'}: ${amount(documents, 'document')}, ${sum}`)
}

function amount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function counted(findings: readonly Finding[]): { readonly [severity in Finding['severity']]: number } {
  const counts = { error: 0, warning: 0, info: 0 }
  for (const { severity } of findings) counts[severity]++
  return counts
}

const COMMANDS = { error: 'error', warning: 'warning', info: 'notice' } as const

/** A command of GitHub's runner, which shows it beside the line of a pull request. */
function annotationOf({ severity, file, line, column, code, message, fix }: Finding): string {
  const places = { file, line, col: column, title: code }
  const properties = Object.entries(places).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${escaped(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`],
  )
  return `::${COMMANDS[severity]} ${properties.join(',')}::${escaped(fix === null ? message : `${message}. ${fix}`)}`
}

/** Line breaks end a command, and `%` begins what stands for them. */
function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
