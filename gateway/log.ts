import { pino } from 'pino'
import { systemClock } from './clock.ts'

/** One line of JSON per event on stderr. Field names are stable; secrets, tokens and payloads are never logged. */
export interface Log {
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export type LogFields = { readonly [name: string]: unknown }
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** Lines that wait for the end of their turn, at most, characters. */
const WAITING_CHARS_MAX = 8 * 1024

/** `more`: fields of every line, such as which worker says it. */
export function createLog(level: LogLevel, more: LogFields | null = null): Log {
  const options = {
    level,
    base: more,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: (error: unknown) => describeFault(error, level === 'debug') },
  }
  const lines = new TurnLines(pino.destination({ dest: 2, sync: true }))
  const log = pino(options, lines)
  return {
    info: (fields, message) => log.info(fields, message),
    warn: atOnce((fields, message) => log.warn(fields, message), lines),
    error: atOnce((fields, message) => log.error(fields, message), lines),
  }
}

type Write = (fields: LogFields, message: string) => void

/**
 * All lines of a turn are one write: a thousand connections at once are two thousand lines. pino's own destination can keep them back,
 * too, but empties itself by an `fsync`, for which all of the process waits where stderr is a file.
 */
class TurnLines {
  readonly #out: { write(text: string): unknown }
  #text = ''
  #due = false

  constructor(out: { write(text: string): unknown }) {
    this.#out = out
  }

  write(line: string): void {
    this.#text += line
    if (this.#text.length >= WAITING_CHARS_MAX) return this.flush()
    if (this.#due) return
    this.#due = true
    systemClock.soon(() => {
      this.#due = false
      this.flush()
    })
  }

  flush(): void {
    const text = this.#text
    this.#text = ''
    if (text !== '') this.#out.write(text)
  }
}

/** It may be the last that is heard of this process. */
function atOnce(write: Write, lines: TurnLines): Write {
  return (fields, message) => {
    write(fields, message)
    lines.flush()
  }
}

export const silentLog: Log = { info() {}, warn() {}, error() {} }

const CAUSES_MAX = 5

/** An `Error` as text: JSON would show it as `{}`. Its causes follow it; the stack only where it is wanted. */
export function describeFault(fault: unknown, withStack: boolean): unknown {
  if (!(fault instanceof Error)) return fault
  const chain = chainOf(fault)
  // Never what else the errors hold: a driver's keeps the command that failed, password and all.
  if (withStack) return chain.map(({ stack, message }) => stack ?? message).join('\ncaused by ')
  const words: string[] = []
  for (const { message, name } of chain) if (!words.some((said) => said.includes(message))) words.push(message || name)
  return words.join(': ')
}

function chainOf(fault: Error): readonly Error[] {
  const chain: Error[] = []
  for (let one: unknown = fault; chain.length < CAUSES_MAX && one instanceof Error; one = one.cause) chain.push(one)
  return chain
}
