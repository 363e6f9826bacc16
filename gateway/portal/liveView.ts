import type { Product, Stream, StreamParameter } from '../catalog/plan.ts'
import type { Field } from './fields.ts'
import { ERROR_PAGES } from '../errors.ts'
import { html, type Html } from './html.ts'

export interface LivePlace {
  readonly root: string
  /** Whether this reader may have a token of the development issuer for the asking. */
  readonly offersToken: boolean
  /** Who issues tokens; empty: the development issuer. */
  readonly issuers: readonly string[]
}

/** Choices of a parameter that are offered by name; where there are more, the value is typed. */
const CHOICES_MAX = 500

/** The stream as it runs. Nothing of it works before the script has come: no form is ever sent. */
export function liveView(product: Product, stream: Stream, fields: readonly Field[], place: LivePlace): Html {
  const { root, offersToken } = place
  return html`<section
    aria-labelledby="live"
    class="live"
    data-stream="${root}/streams/${product.id}/${stream.id}"
    data-errors="${root}${ERROR_PAGES}"
    data-token="${offersToken ? `${root}${TOKEN_PATH}` : ''}"
  >
    <h2 id="live">Live</h2>
    <noscript>
      <p class="note">The live view needs JavaScript. Everything else on this page does not; try the curl line.</p>
    </noscript>
    <form autocomplete="off">
      <fieldset disabled>
        <label class="wide"
          >Token
          <input
            type="password"
            data-of="token"
            autocomplete="off"
            spellcheck="false"
            placeholder="${offersToken ? 'not needed on this machine' : 'eyJ…'}"
            aria-describedby="token-note"
          />
        </label>
        <label
          >From
          <select data-of="from">
            <option value="latest">now</option>
            <option value="-PT10M">10 minutes ago</option>
            <option value="-PT1H">an hour ago</option>
            <option value="earliest">the beginning</option>
          </select>
        </label>
        ${
          stream.filterable.length > 0 &&
          html`<label
            >Where
            <input
              type="text"
              data-of="where"
              spellcheck="false"
              autocapitalize="off"
              placeholder="${whereOf(fields)}"
            />
          </label>`
        }
        <label
          >Fields
          <input type="text" data-of="fields" spellcheck="false" autocapitalize="off" placeholder="${keptOf(fields)}" />
        </label>
        ${stream.parameters.map(parameterInput)}
        <div class="buttons">
          <button type="submit" data-of="go">Start</button>
          <button type="button" data-of="anew" hidden>Start over</button>
        </div>
      </fieldset>
      <p class="note" id="token-note">${tokenNote(place)}</p>
    </form>
    <p class="refusal" role="alert" hidden></p>
    <dl class="gauges">
      <div class="state">
        <dt>State</dt>
        <dd data-of="state" role="status" data-state="idle">not started</dd>
      </div>
      <div>
        <dt>Records</dt>
        <dd data-of="count">0</dd>
      </div>
      <div>
        <dt>A second</dt>
        <dd data-of="rate">0</dd>
      </div>
      <div class="cursor">
        <dt>Cursor</dt>
        <dd data-of="cursor">–</dd>
      </div>
    </dl>
    <ol class="frames" tabindex="0" aria-label="The newest records, newest first"></ol>
  </section>`
}

/** Where a token of the development issuer is asked for, by POST. */
export const TOKEN_PATH = '/development-token'

function tokenNote({ offersToken, issuers }: LivePlace): string {
  const kept = 'A token stays in the memory of this page, and goes nowhere but to this gateway.'
  if (offersToken) return `You are on the machine that runs this gateway: it gives you a development token. ${kept}`
  return issuers.length === 0 ? kept : `Tokens come from ${issuers.join(', ')}. ${kept}`
}

function parameterInput({ name, values, default: standard, examples, field }: StreamParameter): Html {
  if (values === null || values.length > CHOICES_MAX)
    return html`<label
      >${name}
      <input type="text" data-param="${name}" spellcheck="false" placeholder="${standard ?? examples[0] ?? ''}" />
    </label>`
  const isOpen = field !== null || standard !== null
  return html`<label
    >${name}
    <select data-param="${name}">
      ${isOpen && html`<option value="">${standard ?? 'any'}</option>`}
      ${values.map((value) => value !== standard && html`<option value="${value}">${value}</option>`)}
    </select>
  </label>`
}

/** One comparison to begin with. */
function whereOf(fields: readonly Field[]): string {
  const usable = fields.filter(({ filterable }) => filterable)
  const number = usable.find(({ type }) => /\b(number|integer)\b/.test(type))
  if (number) return `${number.name}=ge=1`
  const text = usable.find(({ example }) => example !== null && /^[\w-]+$/.test(example))
  return text ? `${text.name}==${text.example}` : ''
}

/** A few to begin with. */
function keptOf(fields: readonly Field[]): string {
  const names = fields.map(({ name }) => name).filter((name) => /^[\w-]+$/.test(name))
  return names.slice(0, 3).join(',')
}
