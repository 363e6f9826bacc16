const CHARACTERS_MAX = 80

/** A value from outside as it may stand in a message or a log line: short, on one line, and plainly not our words. */
export function quoted(value: unknown): string {
  if (typeof value !== 'string') return `a ${Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value}`
  const shown = value.length > CHARACTERS_MAX ? `${value.slice(0, CHARACTERS_MAX)}…` : value
  return JSON.stringify(shown.replace(/[\p{C}]/gu, '\uFFFD'))
}
