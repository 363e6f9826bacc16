import type { Product, Stream, StreamParameter } from '../catalog/plan.ts'
import { fieldsOf, type Field } from './fields.ts'
import { html, type Html } from './html.ts'
import { code, facts } from './layout.ts'
import { liveView, type LivePlace } from './liveView.ts'
import { cut, inline, prose } from './prose.ts'
import { recipesFor, startOf, streamUrl } from './recipes.ts'

export interface StreamPlace extends LivePlace {
  readonly address: string
  /** Programs that come back by themselves, by name; those of docs/reconnect.md. */
  readonly recipes: ReadonlyMap<string, string>
}

/** Examples of one stream that are shown, and characters of each. */
const EXAMPLES_SHOWN_MAX = 3
const EXAMPLE_CHARS_MAX = 6_000
const VALUES_SHOWN_MAX = 50

/** Where to find what, on a page that is long. */
export function contents({ parameters, kinds }: Stream): Html {
  const places: readonly (readonly [id: string, title: string])[] = [
    ['live', 'Live'],
    ['read', 'Read it'],
    ['fields', 'Fields'],
    ...(parameters.length > 0 ? [['parameters', 'Parameters'] as const] : []),
    ...(kinds.some(({ examples }) => examples.length > 0) ? [['examples', 'Examples'] as const] : []),
    ['plans', 'Plans'],
  ]
  return html`<nav class="contents" aria-label="On this page">
    ${places.map(([id, title]) => html`<a href="#${id}">${title}</a>`)}
  </nav>`
}

/** Everything about one stream: what it holds, how it is read, and what it says right now. */
export function streamSection(product: Product, stream: Stream, title: string, place: StreamPlace): Html {
  return html`<section aria-labelledby="stream">
      <h2 id="stream">${title}</h2>
      ${prose(stream.description)} ${records(stream)}
      ${facts([
        ['Address', html`<code>${streamUrl(place.address, product.id, stream)}</code>`, 'wide'],
        ['Scope', stream.scope !== null && html`<code>${stream.scope}</code>`],
        ['Key', stream.showKey && html`each record’s, in <code>key</code>`],
        ['Headers', stream.showHeaders.length > 0 && headers(stream), 'wide'],
      ])}
    </section>
    ${liveView(product, stream, fieldsOf(stream).list, place)} ${readIt(product, stream, place)} ${contractOf(stream)}`
}

/** What a record is about; of several kinds, each. */
function records({ kinds }: Stream): Html | null {
  const told = kinds.filter(({ title, summary }) => title !== null || summary !== null)
  if (told.length === 0) return null
  return html`<ul class="kinds">
    ${told.map(
      ({ name, title, summary }) =>
        html`<li><code>${name}</code> ${[title, summary].filter((words) => words !== null).join(': ')}</li>`,
    )}
  </ul>`
}

function headers({ showHeaders, headerWords }: Stream): Html {
  const words = new Map(headerWords)
  return html`${showHeaders.map((name) => html`<p><code>${name}</code> ${inline(words.get(name) ?? '')}</p>`)}`
}

function readIt({ id }: Product, stream: Stream, { address, recipes }: StreamPlace): Html {
  const url = streamUrl(address, id, stream)
  const long = url.includes('?')
    ? []
    : (['browser', 'python'] as const).flatMap((name) => {
        const program = recipes.get(name)
        return program === undefined ? [] : [{ name, program: `${program}\n\n${startOf(name, url)}` }]
      })
  return html`<section aria-labelledby="read">
    <h2 id="read">Read it</h2>
    ${recipesFor(url).map(
      ({ id, title, needs, code: text }) =>
        html`<div id="${id}">
          <h3>${title} <small>${needs}</small></h3>
          ${code(text, title)}
        </div>`,
    )}
    ${long.map(
      ({ name, program }) =>
        html`<details>
          <summary>${LONG[name]}</summary>
          ${code(program, LONG[name])}
        </details>`,
    )}
  </section>`
}

const LONG = {
  browser: 'JavaScript that comes back after any break, losing nothing',
  python: 'Python that comes back after any break, losing nothing (package websockets)',
}

const written = new WeakMap<Stream, Html>()

/** The same for every reader, as long as the document is the same. */
function contractOf(stream: Stream): Html {
  const known = written.get(stream)
  if (known) return known
  const made = html`${fields(stream)} ${parameters(stream)} ${examples(stream)}`
  written.set(stream, made)
  return made
}

function fields(stream: Stream): Html {
  const { list, more } = fieldsOf(stream)
  if (list.length === 0)
    return html`<section aria-labelledby="fields">
      <h2 id="fields">Fields</h2>
      <p class="note">The document says nothing of the payload’s members: any JSON may come.</p>
    </section>`
  return html`<section aria-labelledby="fields">
    <h2 id="fields">Fields</h2>
    <table class="fields">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Type</th>
          <th scope="col">What it is</th>
          <th scope="col">Filter</th>
        </tr>
      </thead>
      <tbody>
        ${list.map(fieldRow)}
      </tbody>
    </table>
    ${more && html`<p class="note">There are more fields than are shown here.</p>`}
    ${
      stream.filterable.length > 0 &&
      html`<p class="note">
        Fields marked <span class="tick">where</span> may stand in the parameter <code>where</code>. What is filtered
        out costs nothing.
      </p>`
    }
  </section>`
}

function fieldRow({ name, type, unit, description, rules, example, required, filterable }: Field): Html {
  return html`<tr>
    <th scope="row"><code>${name}</code></th>
    <td class="type">${type}${unit !== null && html` <span class="unit">${unit}</span>`}</td>
    <td>
      ${description !== null && html`<p>${inline(cut(description, 1_000))}</p>`}
      <p class="rules">
        ${!required && html`<span>optional</span>`} ${rules.map((rule) => html`<span>${rule}</span>`)}
        ${example !== null && html`<span>e.g. <code>${example}</code></span>`}
      </p>
    </td>
    <td class="filter">${filterable && html`<span class="tick">where</span>`}</td>
  </tr>`
}

function parameters({ parameters }: Stream): Html | null {
  if (parameters.length === 0) return null
  return html`<section aria-labelledby="parameters">
    <h2 id="parameters">Parameters</h2>
    <dl class="parameters">
      ${parameters.map(
        (parameter) =>
          html`<dt><code>param.${parameter.name}</code> <small>${purpose(parameter)}</small></dt>
            <dd>
              ${parameter.description !== null && html`<p>${inline(cut(parameter.description, 1_000))}</p>`}${values(parameter)}
            </dd>`,
      )}
    </dl>
  </section>`
}

function purpose({ field, default: standard }: StreamParameter): string {
  if (field !== null) return `keeps the records with this ${field.name}`
  return standard === null ? 'chooses the stream; has to be given' : `chooses the stream; ${standard} if left out`
}

function values({ values, examples }: StreamParameter): Html | null {
  const all = values ?? examples
  if (all.length === 0) return null
  const shown = all.slice(0, VALUES_SHOWN_MAX)
  return html`<p class="rules">
    ${values === null ? 'e.g.' : 'one of'} ${shown.map((value) => html`<code>${cut(value, 100)}</code> `)}
    ${all.length > shown.length && `and ${all.length - shown.length} more`}
  </p>`
}

function examples({ kinds }: Stream): Html | null {
  const shown = kinds.flatMap(({ examples }) => examples).slice(0, EXAMPLES_SHOWN_MAX)
  if (shown.length === 0) return null
  return html`<section aria-labelledby="examples">
    <h2 id="examples">Examples</h2>
    ${shown.map(({ name, summary, payload }) => {
      const title = [name, summary].filter((words) => words !== null).join(': ')
      const text = cut(JSON.stringify(payload, null, 2), EXAMPLE_CHARS_MAX)
      return html`<figure>
        ${title !== '' && html`<figcaption>${title}</figcaption>`} ${code(text, title || 'An example')}
      </figure>`
    })}
  </section>`
}
