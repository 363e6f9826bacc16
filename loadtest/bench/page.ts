const BEGIN = '<!-- bench -->'
const END = '<!-- /bench -->'

/** A page with what stands between its two markers replaced. Throws where it has not each of them once, in this order. */
export function recordedIn(page: string, text: string): string {
  const [before, rest, ...more] = page.split(BEGIN)
  const [, after, ...extra] = (rest ?? '').split(END)
  if (before === undefined || after === undefined || more.length + extra.length > 0 || before.includes(END))
    throw new Error(`the page needs one ${BEGIN} and after it one ${END}`)
  return `${before}${BEGIN}\n\n${text.trim()}\n\n${END}${after}`
}
