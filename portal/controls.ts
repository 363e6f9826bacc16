import { found, page, type Node } from './page.ts'

/** What the reader wants to see. */
export interface Wish {
  readonly url: string
  readonly from: string
  readonly where: string | null
  readonly fields: string | null
  readonly params: { readonly [name: string]: string }
  /** Pasted; `null`: the gateway is to make one. */
  readonly token: string | null
}

/** The form above the stream. It is never sent: what stands in it stays in the page. */
export class Controls {
  readonly #form: Node
  readonly #section: Node
  readonly #go: Node
  readonly #anew: Node

  constructor(section: Node, acts: { readonly go: () => void; readonly anew: () => void }) {
    this.#section = section
    this.#form = found(section, 'form')
    this.#go = found(section, '[data-of=go]')
    this.#anew = found(section, '[data-of=anew]')
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault()
      acts.go()
    })
    this.#anew.addEventListener('click', acts.anew)
  }

  /** Until here nothing of it can be used. */
  enable(): void {
    found(this.#form, 'fieldset').disabled = false
  }

  wish(): Wish {
    const token = this.#value('token').replace(/^Bearer\s+/i, '')
    const params = [...this.#form.querySelectorAll('[data-param]')]
      .map(({ dataset, value }) => [dataset['param'] ?? '', value.trim()] as const)
      .filter(([, value]) => value !== '')
    return {
      url: new URL(this.#section.dataset['stream'] ?? '', page.location.href).href,
      from: this.#value('from') || 'latest',
      where: this.#value('where') || null,
      fields: this.#value('fields') || null,
      params: Object.fromEntries(params),
      token: token === '' && this.#section.dataset['token'] ? null : token,
    }
  }

  /** `held`: the stream stands still, and could go on where it stood. */
  show(state: 'idle' | 'running' | 'held'): void {
    this.#go.textContent = { idle: 'Start', running: 'Pause', held: 'Continue' }[state]
    this.#anew.hidden = state !== 'held'
    for (const input of this.#form.querySelectorAll('input, select')) input.disabled = state === 'running'
  }

  #value(name: string): string {
    return this.#form.querySelector(`[data-of=${name}]`)?.value.trim() ?? ''
  }
}
