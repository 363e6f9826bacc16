import { ERRORS, rowOf, type ErrorCode } from '../errors.ts'
import { html } from './html.ts'
import { facts, layout, type Place } from './layout.ts'
import { missingPage } from './missingPage.ts'
import { inline } from './prose.ts'

/** What an error means, and what to do about it. */
export function errorPage(code: string, place: Place): { readonly status: number; readonly html: string } {
  if (!Object.hasOwn(ERRORS, code)) return { status: 404, html: missingPage(place) }
  const { title, meaning, advice, status, close, retry } = rowOf(code as ErrorCode)
  const page = layout(place, {
    title,
    script: false,
    main: html`<div class="head">
        <h1>${title}</h1>
        <p class="meta"><code>${code}</code></p>
      </div>
      <p>${inline(meaning)}</p>
      <p>${inline(advice)}</p>
      ${facts([
        ['HTTP status', status === 0 ? 'none: it only ends what is open' : status],
        ['WebSocket close code', close],
        ['Come back', RETRIES[retry]],
      ])}`,
  })
  return { status: 200, html: page }
}

const RETRIES = {
  now: 'at once, with the cursor',
  later: 'after a while, with the cursor',
  'new-token': 'with a new token',
  never: 'not unchanged',
}
