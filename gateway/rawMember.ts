/**
 * The text of one member of a JSON object, exactly as it stands there: `JSON.parse` would round integers above 2^53 and
 * reorder keys. `text` must be a valid JSON object. Of a name that stands twice the last counts, as in `JSON.parse`;
 * `null` where the object has no such member.
 */
export function rawMember(text: string, name: string): string | null {
  let found: string | null = null
  let at = skipSpace(text, 0) + 1
  for (;;) {
    at = skipSpace(text, at)
    if (at >= text.length || text[at] === '}') return found
    const keyEnd = endOfString(text, at)
    const key: unknown = JSON.parse(text.slice(at, keyEnd))
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    if (key === name) found = text.slice(start, end)
    at = skipSpace(text, end)
    if (text[at] === ',') at++
  }
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++
  return at
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const c = text.charAt(at)
    if (c === '"') at = endOfString(text, at) - 1
    else if (c === '{' || c === '[') depth++
    else if (depth > 0 && (c === '}' || c === ']')) depth--
    else if (depth === 0 && ',}] \t\r\n'.includes(c)) return at
  }
  return text.length
}
