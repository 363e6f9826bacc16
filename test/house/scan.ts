/** A source text in two layers of the same length and lines: what runs, and what is said. */
export interface Scanned {
  readonly text: string
  /** Comments, and what stands inside strings, templates and regular expressions, are spaces. Quotes stay. */
  readonly code: string
  /** Everything but comments is spaces. */
  readonly comments: string
}

/** Reads TypeScript or JavaScript well enough that no rule mistakes a string or a comment for code. */
export function scan(text: string): Scanned {
  const code = blank(text)
  const comments = blank(text)
  /** Depth of braces at which each open `${` ends. */
  const templates: number[] = []
  let depth = 0
  let at = 0
  const keep = (into: string[], end: number): void => {
    for (; at < end; at++) into[at] = text[at] as string
  }
  /** Keeps the quotes only. */
  const skip = (end: number): void => {
    code[at] = text[at] as string
    code[end - 1] = text[end - 1] as string
    at = end
  }
  const template = (): void => {
    const end = endOfTemplate(text, at + 1)
    if (text[end - 1] === '{') templates.push(depth++)
    skip(end)
  }
  while (at < text.length) {
    const char = text[at] as string
    if (text.startsWith('//', at)) keep(comments, lineEnd(text, at))
    else if (text.startsWith('/*', at)) keep(comments, after(text, '*/', at + 2))
    else if (char === "'" || char === '"') skip(endOfQuoted(text, at + 1, char))
    else if (char === '`') template()
    else if (char === '/' && startsRegExp(code, at)) skip(endOfRegExp(text, at + 1))
    else if (char === '}' && templates.at(-1) === depth - 1) {
      depth = templates.pop() as number
      template()
    } else {
      if (char === '{') depth++
      if (char === '}') depth--
      keep(code, at + 1)
    }
  }
  return { text, code: code.join(''), comments: comments.join('') }
}

/** 1-based line of a place in the text. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}

function blank(text: string): string[] {
  return Array.from(text.split(''), (char) => (char === '\n' ? '\n' : ' '))
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function after(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from)
  return end < 0 ? text.length : end + mark.length
}

function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote || text[at] === '\n') return at + 1
  }
  return text.length
}

/** Behind the closing backtick, or behind the next `${`. */
function endOfTemplate(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '`') return at + 1
    else if (text.startsWith('${', at)) return at + 2
  }
  return text.length
}

function endOfRegExp(text: string, from: number): number {
  let inClass = false
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '\n' || (char === '/' && !inClass)) return at + 1
  }
  return text.length
}

const VALUE_BEFORE = /[\w$)\]}'"`]$/
const WORD_BEFORE = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|await|yield|else|do)$/

/** A slash behind a value divides; anywhere else it opens a regular expression. */
function startsRegExp(code: readonly string[], at: number): boolean {
  const before = code
    .slice(Math.max(0, at - 200), at)
    .join('')
    .trimEnd()
  return !VALUE_BEFORE.test(before) || WORD_BEFORE.test(before)
}
