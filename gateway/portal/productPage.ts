import type { PricePlan, Product, Stream } from '../catalog/plan.ts'
import { html, webAddress, type Html } from './html.ts'
import { badge, facts, layout, type Place } from './layout.ts'
import { planWords } from './planWords.ts'
import { lede, prose } from './prose.ts'
import { contents, streamSection, type StreamPlace } from './streamSection.ts'

export interface ProductPlace extends Place, StreamPlace {
  /** Whether the product as AsyncAPI is served. */
  readonly hasView: boolean
}

/** A product: what it is, its promise and its price; with one stream, that one, too. */
export function productPage(product: Product, place: ProductPlace): string {
  const streams = readable(product)
  const [only] = streams
  return layout(place, {
    title: product.title,
    script: streams.length === 1,
    main: html`${head(product, place)} ${ending(product, place)} ${prose(product.description)} ${about(product, place)}
    ${
      only && streams.length === 1
        ? html`${contents(only)} ${streamSection(product, only, only.title, place)}`
        : streamList(product, streams, place)
    }
    ${plans(product)}`,
  })
}

/** One of several streams of a product. */
export function streamPage(product: Product, stream: Stream, place: ProductPlace): string {
  return layout(place, {
    title: `${stream.title} — ${product.title}`,
    script: true,
    main: html`${head(product, place, stream)} ${ending(product, place)} ${contents(stream)}
    ${streamSection(product, stream, 'The stream', place)} ${plans(product)}`,
  })
}

export function readable({ streams }: Product): readonly Stream[] {
  return streams.filter(({ expose }) => expose === 'read')
}

function head({ id, title, version, lifecycle }: Product, { root }: Place, stream?: Stream): Html {
  return html`<div class="head">
    <nav aria-label="Where this is">
      <a href="${root}/">Data products</a>${stream && html` / <a href="${root}/p/${id}">${title}</a>`}
    </nav>
    <h1>${stream ? stream.title : title}</h1>
    <p class="meta">
      <code>${stream ? `${id}/${stream.id}` : id}</code> <span>version ${version}</span> ${badge(lifecycle, lifecycle)}
    </p>
  </div>`
}

/** What is about to go, or gone. */
function ending({ lifecycle, deprecation }: Product, { root }: Place): Html | null {
  if (lifecycle !== 'deprecated' && lifecycle !== 'retired') return null
  const successor = deprecation?.successor ?? null
  return html`<p class="banner">
    ${lifecycle === 'retired' ? 'This product is retired: its streams are no longer served.' : 'This product is deprecated.'}
    ${deprecation && html`It ends on ${deprecation.sunset}.`}
    ${successor !== null && html`<a href="${root}/p/${encodeURIComponent(successor)}">${successor}</a> takes its place.`}
  </p>`
}

function about(product: Product, { root, hasView }: ProductPlace): Html {
  const { id, owner, contact, domain, license, access, defaultPlan, sla, plans } = product
  const licenseUrl = webAddress(license?.url ?? null)
  return facts([
    ['Owner', html`${owner.team}${owner.email !== null && html`, ${mail(owner.email)}`}`],
    ['Contact', contact && contactOf(contact)],
    ['Domain', domain],
    [
      'License',
      license &&
        (licenseUrl === null ? license.name : html`<a href="${licenseUrl}" rel="noreferrer">${license.name}</a>`),
    ],
    [
      'Access',
      access === 'open' && defaultPlan !== null
        ? html`open: any token gets the plan ${defaultPlan}`
        : html`by agreement: ask ${owner.team}`,
    ],
    [
      'Promise',
      sla.map(({ property, value, unit }) => `${property} ${value}${unit === null ? '' : ` ${unit}`}`).join(', '),
    ],
    ['Plans', html`<a href="#plans">${plans.map(({ name }) => name).join(', ')}</a>`],
    [
      'For programs',
      html`<a href="${root}/products/${id}">JSON</a
        >${hasView && html`, <a href="${root}/products/${id}/asyncapi.json">AsyncAPI</a>`}`,
    ],
  ])
}

function contactOf({ name, url, email }: NonNullable<Product['contact']>): Html {
  const address = webAddress(url)
  const named = address === null ? name : html`<a href="${address}" rel="noreferrer">${name ?? address}</a>`
  return html`${named}${named !== null && email !== null && ', '}${email !== null && mail(email)}`
}

/** Anything else than a plain address is shown, and leads nowhere. */
function mail(email: string): Html {
  return /^[\w.+-]+@[\w.-]+$/.test(email) ? html`<a href="mailto:${email}">${email}</a>` : html`${email}`
}

function streamList({ id }: Product, streams: readonly Stream[], { root }: Place): Html {
  return html`<section aria-labelledby="streams">
    <h2 id="streams">Streams</h2>
    ${streams.length === 0 && html`<p class="note">This product has no stream to read.</p>`}
    <ul class="products">
      ${streams.map(
        (stream) =>
          html`<li>
            <h3><a href="${root}/p/${id}/${stream.id}">${stream.title}</a></h3>
            <p>${lede(stream.description)}</p>
            <p class="meta"><code>${id}/${stream.id}</code></p>
          </li>`,
      )}
    </ul>
  </section>`
}

function plans({ plans, defaultPlan }: Product): Html {
  return html`<section aria-labelledby="plans">
    <h2 id="plans">Plans</h2>
    <div class="plans">${plans.map((plan) => planCard(plan, plan.name === defaultPlan))}</div>
    <p class="note">
      Each record is billed once, however often it is delivered. Windows begin on the UTC calendar. What you used so far
      stands at <code>GET /usage</code>.
    </p>
  </section>`
}

function planCard(plan: PricePlan, isDefault: boolean): Html {
  const { price, terms } = planWords(plan)
  return html`<article class="plan">
    <h3>${plan.name} ${isDefault && badge('default', 'plain')}</h3>
    <p class="price">${price}</p>
    <dl>
      ${terms.map(
        ([what, said]) =>
          html`<dt>${what}</dt>
            ${said.map((one) => html`<dd>${one}</dd>`)}`,
      )}
    </dl>
  </article>`
}
