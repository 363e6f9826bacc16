import { html } from './html.ts'
import { layout, type Place } from './layout.ts'

/** What there is not, and what is not public, read alike. */
export function missingPage(place: Place): string {
  return layout(place, {
    title: 'Not here',
    script: false,
    main: html`<div class="head">
      <h1>Nothing public is at this address</h1>
      <p class="lede">
        <a href="${place.root}/">The catalogue</a> has everything that is. What is not public is listed for your token
        by <code>GET /products</code>.
      </p>
    </div>`,
  })
}
