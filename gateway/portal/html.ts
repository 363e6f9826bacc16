/** Markup: made by `html` alone, so that nothing gets into a page but what stands in the code or was escaped. */
export class Html {
  readonly text: string

  private constructor(text: string) {
    this.text = text
  }

  static of(strings: TemplateStringsArray, parts: readonly Part[]): Html {
    return new Html(strings.map((piece, i) => (i === 0 ? '' : markup(parts[i - 1])) + piece).join(''))
  }
}

/** `null` and `false` leave nothing behind; lists are joined. */
export type Part = string | number | Html | null | false | undefined | readonly Part[]

/** Text is escaped wherever it stands, between tags or in a quoted attribute; attributes are always quoted. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return Html.of(strings, parts)
}

function markup(part: Part): string {
  if (part instanceof Html) return part.text
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return Array.isArray(part) ? part.map(markup).join('') : ''
}

const SIGNS: { readonly [sign: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/** Control characters, and those that turn the direction of the text around them, have no business in a document's words. */
function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"'`]/g, (sign) => SIGNS[sign] as string)
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}

/** An address that a reader may follow: `javascript:` and the like are none. */
export function webAddress(text: string | null): string | null {
  if (text === null || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return null
  return new URL(text).href
}
