import { systemClock } from '../client/clock.ts'
import { follow, WeirError, type Frame, type State } from '../client/follow.ts'
import { Controls, type Wish } from './controls.ts'
import { element, found, link, page, type Node } from './page.ts'
import { Rate } from './rate.ts'
import { rowOf } from './row.ts'

/** Rows in the page: the newest. */
const ROWS_MAX = 50

/*
 *   idle ──go──▶ running ──pause──▶ held ──go──▶ running, from the cursor
 *    ▲              └──refused──▶ held, or idle without a cursor
 *    └──anew── held
 */
export class LiveView {
  readonly #section: Node
  readonly #controls: Controls
  readonly #rate: Rate
  #running: AbortController | null = null
  #cursor: string | null = null
  /** Not in the page yet; no more than there will be room for. */
  #waiting: Frame[] = []
  #drawing = false

  constructor(section: Node) {
    this.#section = section
    this.#controls = new Controls(section, { go: () => void this.#go(), anew: () => this.#anew() })
    this.#rate = new Rate(systemClock, (rate) => this.#say('rate', rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)))
  }

  ready(): void {
    this.#rate.stop()
    this.#controls.enable()
  }

  async #go(): Promise<void> {
    if (this.#running) return this.#running.abort()
    const running = new AbortController()
    this.#running = running
    this.#refuse(null)
    this.#controls.show('running')
    this.#rate.start()
    try {
      await this.#follow(this.#controls.wish(), running.signal)
      this.#state('held', 'held by you')
    } catch (error) {
      this.#state('refused', 'ended')
      this.#refuse(error)
    } finally {
      this.#running = null
      this.#rate.stop()
      this.#controls.show(this.#cursor === null ? 'idle' : 'held')
    }
  }

  async #follow({ url, from, where, fields, params, token }: Wish, signal: AbortSignal): Promise<void> {
    if (token === '') throw new Error('There is no token: paste one above.')
    const frames = follow({
      url,
      from: this.#cursor ?? from,
      ...(where !== null && { where }),
      ...(fields !== null && { fields }),
      params,
      token: token ?? (() => this.#developmentToken(signal)),
      signal,
      onState: (state) => this.#tell(state),
    })
    for await (const frame of frames) this.#take(frame)
  }

  /** Asked for again whenever one runs out. */
  async #developmentToken(signal: AbortSignal): Promise<string> {
    const answer = await fetch(this.#section.dataset['token'] ?? '', { method: 'POST', signal })
    const said = (await answer.json()) as { readonly token?: string; readonly detail?: string }
    if (said.token === undefined) throw new Error(said.detail ?? `no token: ${answer.status}`)
    return said.token
  }

  #take(frame: Frame): void {
    if (frame.type === 'record') this.#rate.count++
    this.#cursor = frame.cursor ?? this.#cursor
    this.#waiting.push(frame)
    if (this.#waiting.length > ROWS_MAX) this.#waiting.shift()
    if (this.#drawing) return
    this.#drawing = true
    page.requestAnimationFrame(() => this.#draw())
  }

  #draw(): void {
    this.#drawing = false
    const list = found(this.#section, '.frames')
    for (const frame of this.#waiting.splice(0)) {
      const row = rowOf(frame)
      if (row) list.prepend(row)
    }
    while (list.childElementCount > ROWS_MAX) list.lastElementChild?.remove()
    this.#say('count', this.#rate.count.toLocaleString('en'))
    this.#say('cursor', this.#cursor ?? '–')
  }

  #tell(state: State): void {
    if (state.state === 'connecting') this.#state('connecting', 'connecting')
    if (state.state === 'open') {
      this.#cursor = state.cursor ?? this.#cursor
      this.#say('cursor', this.#cursor ?? '–')
      const plan = state.plan === null ? '' : `, plan ${state.plan}`
      this.#state('open', `open${plan}`)
    }
    if (state.state === 'paused')
      this.#state('paused', `paused (${state.reason})${state.until === null ? '' : ` until ${state.until}`}`)
    if (state.state === 'waiting')
      this.#state('waiting', `again in ${Math.max(1, Math.ceil(state.ms / 1000))} s: ${state.reason}`)
  }

  #anew(): void {
    this.#cursor = null
    this.#rate.count = 0
    this.#waiting = []
    found(this.#section, '.frames').replaceChildren()
    this.#say('count', '0')
    this.#say('cursor', '–')
    this.#state('idle', 'not started')
    this.#refuse(null)
    this.#controls.show('idle')
  }

  /** In the gateway's own words, with what to do. */
  #refuse(error: unknown): void {
    const place = found(this.#section, '.refusal')
    place.replaceChildren()
    place.hidden = error === null
    if (error === null) return
    if (!(error instanceof WeirError)) return place.append(error instanceof Error ? error.message : 'The page failed.')
    // What the client advises is for who writes programs with it.
    const advice = error.close < 4400 ? 'Paste a new token, and continue.' : error.advice
    place.append(element('strong', '', error.message), ` ${advice} `)
    if (error.code !== null) place.append(link(`${this.#section.dataset['errors'] ?? ''}${error.code}`, error.code))
  }

  #state(kind: string, words: string): void {
    const place = found(this.#section, '[data-of=state]')
    place.dataset['state'] = kind
    // Said once: what reads the page aloud tells of each change.
    if (place.textContent !== words) place.textContent = words
  }

  #say(what: string, text: string): void {
    found(this.#section, `[data-of=${what}]`).textContent = text
  }
}
