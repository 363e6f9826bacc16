import { html, type Html } from './html.ts'

/** Characters of one description that are shown. */
const PROSE_CHARS_MAX = 10_000
const LEDE_CHARS_MAX = 240

/** A document's description: plain text in paragraphs, lists and `code`. The rest of Markdown stands as it was written. */
export function prose(text: string | null): Html | null {
  if (text === null || text.trim() === '') return null
  const blocks = cut(text, PROSE_CHARS_MAX)
    .replaceAll(/\r\n?/g, '\n')
    .split(/\n[ \t]*\n+/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
  return html`${blocks.map((block) => (BULLET.test(block) ? list(block) : html`<p>${inline(joined(block))}</p>`))}`
}

/** The first paragraph, in a line or two. */
export function lede(text: string | null): Html | null {
  const first =
    cut(text ?? '', PROSE_CHARS_MAX)
      .trim()
      .split(/\n[ \t]*\r?\n/)[0] ?? ''
  return first === '' ? null : inline(cut(joined(first), LEDE_CHARS_MAX))
}

/** In one line, where a paragraph has no place. */
export function inline(text: string): Html {
  return html`${text.split(/(`[^`]+`)/).map((part) => (part.length > 2 && part.startsWith('`') ? html`<code>${part.slice(1, -1)}</code>` : part))}`
}

/** What is cut says so. */
export function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text
  // Never in the middle of a pair.
  return `${text.slice(0, charsMax).replace(/[\ud800-\udbff]$/, '')}…`
}

const BULLET = /^[-*] /

function list(block: string): Html {
  const items = block.split(/\n(?=\s*[-*] )/).map((item) => joined(item.trim().replace(BULLET, '')))
  return html`<ul>
    ${items.map((item) => html`<li>${inline(item)}</li>`)}
  </ul>`
}

function joined(block: string): string {
  return block.split(/\s*\n\s*/).join(' ')
}
