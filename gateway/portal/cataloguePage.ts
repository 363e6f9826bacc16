import type { Product } from '../catalog/plan.ts'
import { html, type Html } from './html.ts'
import { badge, layout, type Place } from './layout.ts'
import { count, priceOf } from './planWords.ts'
import { lede } from './prose.ts'

/** Products on the page; programs get all of them at `/products`. */
const PRODUCTS_SHOWN_MAX = 500

/** What there is, for whoever comes by. */
export function cataloguePage(products: readonly Product[], place: Place): string {
  const shown = products.slice(0, PRODUCTS_SHOWN_MAX)
  return layout(place, {
    title: 'Data products',
    script: false,
    main: html`<div class="head">
        <h1>Data products</h1>
        <p class="lede">
          Streams to follow live, to replay and to resume without losing a record: over WebSocket, server-sent events
          and plain HTTP.
        </p>
      </div>
      ${shown.length === 0 ? nothing() : list(shown, place)}
      ${
        shown.length < products.length &&
        html`<p class="note">
          ${count(products.length - shown.length)} more are in
          <a href="${place.root}/products">the catalogue as JSON</a>.
        </p>`
      }`,
  })
}

function nothing(): Html {
  return html`<p class="note">
    No product is public here. With a token, <code>GET /products</code> lists what it may see.
  </p>`
}

function list(products: readonly Product[], { root }: Place): Html {
  return html`<ul class="products">
    ${products.map((product) => entry(product, root))}
  </ul>`
}

function entry(product: Product, root: string): Html {
  const { id, title, version, description, domain, lifecycle } = product
  const streams = product.streams.filter(({ expose }) => expose === 'read').length
  const facts = [
    domain,
    `${count(streams)} ${streams === 1 ? 'stream' : 'streams'}`,
    prices(product),
    accessOf(product),
  ]
  return html`<li>
    <h2><a href="${root}/p/${id}">${title}</a> ${lifecycle !== 'released' && badge(lifecycle, lifecycle)}</h2>
    <p>${lede(description)}</p>
    <p class="meta">
      <code>${id}</code> <span>${version}</span>
      ${facts.map((fact) => fact !== null && html`<span>${fact}</span>`)}
    </p>
  </li>`
}

/** The cheapest of its plans, which is where one starts. */
function prices({ plans }: Product): string | null {
  const cheapest = plans.toSorted((a, b) => Number(a.price) - Number(b.price))[0]
  if (cheapest === undefined) return null
  return plans.length === 1 ? priceOf(cheapest) : `from ${priceOf(cheapest).replace('Free', 'free')}`
}

function accessOf({ access }: Product): string {
  return access === 'open' ? 'open to any token' : 'by agreement'
}
