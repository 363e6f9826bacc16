import { inspect } from 'node:util'
import { pino } from 'pino'

/** One line of JSON per event on stderr. Field names are stable; secrets, tokens and payloads are never logged. */
export interface Log {
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export type LogFields = { readonly [name: string]: unknown }
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** `more`: fields of every line, such as which worker says it. */
export function createLog(level: LogLevel, more: LogFields | null = null): Log {
  const options = {
    level,
    base: more,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: (error: unknown) => describeFault(error, level === 'debug') },
  }
  return pino(options, pino.destination({ dest: 2, sync: true }))
}

export const silentLog: Log = { info() {}, warn() {}, error() {} }

const CAUSES_MAX = 5

/** An `Error` as text: JSON would show it as `{}`. Its causes follow it; the stack only where it is wanted. */
export function describeFault(fault: unknown, withStack: boolean): unknown {
  if (!(fault instanceof Error)) return fault
  if (withStack) return inspect(fault)
  const words: string[] = []
  let one: unknown = fault
  for (let i = 0; i < CAUSES_MAX && one instanceof Error; i++, one = one.cause) {
    if (!words.some((said) => said.includes((one as Error).message))) words.push(one.message || one.name)
  }
  return words.join(': ')
}
