/**
 * One page: a subscription like any other, whose outlet collects until there is enough.
 *
 *   opening ──subscribed──► collecting ──full · at the end · time is up──► answering ──taken · client gone──► closed, once
 *      └──ended · close(refusal)──► closed, with a problem
 *
 * At the end of the log it rides, without room for anything: so whatever comes takes it off first, and it reads that too.
 * Nothing is ever broadcast to a page, and its cursor is that of its reader.
 */
import { refuse, type Refusal } from '../errors.ts'
import { frameOverhead } from '../stream/fanout.ts'
import type { Frames } from '../stream/frames.ts'
import type { Carrier, SubscriptionEvent } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import type { Answer, Asked, Form } from './answer.ts'
import { coded } from './coding.ts'
import { controlOf, isoTime, recordLine, type Control } from './framing.ts'
import { deliver, nextPage, pageBody } from './pageBody.ts'
import { readPageQuery, type PageWish } from './parameters.ts'
import type { Headers, Reply } from './reply.ts'

/** Records of one page, so that the whole stays within 1 MiB; a single larger record still goes out, alone. */
const RECORDS_BYTES_MAX = 1024 * 1024 - 16 * 1024
/** Looking for records that a page could show; what was passed by then is not looked at again. */
const SCAN_MS_MAX = 1_000
/** What a reader reserves for a frame beside its body, at least; no frame comes out smaller than the smallest line. */
const RESERVE_BYTES_MIN = frameOverhead(1)
const LINE_BYTES_MIN = '{"type":"record","id":"0-0","time":"1970-01-01T00:00:00.000Z","data":0}\n'.length
const SOURCE_RETRY_S = 5

/** Pages at a stream's address: the form for whoever asks, takes, and asks again. */
export class Pages implements Form<PageWish> {
  readonly seated = false
  readonly #admissions: Admissions
  readonly #carrier: Carrier

  constructor(admissions: Admissions) {
    this.#admissions = admissions
    this.#carrier = {
      name: 'page',
      frame: (frames, _view, body, cursor) => recordLine(frames, body, cursor),
      // A page that rides has no room, so it was taken off before.
      broadcast: () => admissions.dropped(),
    }
  }

  read(query: string): PageWish | Refusal {
    return readPageQuery(query)
  }

  connect(asked: Asked<PageWish>): Answer {
    return new Page(asked, this.#carrier, this.#admissions)
  }

  turnDown(reply: Reply, refusal: Refusal, headers: Headers): void {
    reply.problem(refusal, headers)
  }
}

class Page implements Answer {
  readonly carrier: Carrier
  readonly #asked: Asked<PageWish>
  readonly #admissions: Admissions
  readonly #openedAt: number
  readonly #records: Uint8Array[] = []
  readonly #gaps: Control[] = []
  readonly #notices: Control[] = []
  #bytes = 0
  #subscription: Subscription | null = null
  #state: 'opening' | 'collecting' | 'answering' | 'closed' = 'opening'
  #riding = false
  /** Since when it looks for records, ms since 1970. */
  #readingSince = 0
  /** It has what it is going to have, and answers in a later turn: a subscription is not to be closed amid its own pull. */
  #due = false
  /** What to say instead, where there is nothing to show. */
  #refusal: Refusal | null = null

  constructor(asked: Asked<PageWish>, carrier: Carrier, admissions: Admissions) {
    this.#asked = asked
    this.#admissions = admissions
    this.carrier = carrier
    this.#openedAt = admissions.context.clock.now()
  }

  begin(subscription: Subscription): void {
    this.#subscription = subscription
    this.#asked.reply.onGone(() => this.#end())
    this.#admissions.enter({
      tick: (now) => this.#tick(now),
      close: (refusal) => this.#close(refusal),
      notice: (control) => void this.#notices.push(control),
      // It is over in a moment, and was right when it was asked for.
      republished: () => undefined,
      session: this,
      isBrief: true,
    })
  }

  /**
   * What may still come: so few bytes that never more records fit than are wanted, however small. None is handed over in
   * vain, and none is counted that the client does not get. The last one of a page always comes alone.
   */
  get capacity(): number {
    const wanted = this.#asked.wish.limit - this.#records.length
    const left = Math.max(0, RECORDS_BYTES_MAX - this.#bytes)
    return Math.min(left, RESERVE_BYTES_MIN + (wanted - 1) * LINE_BYTES_MIN)
  }

  room(): number {
    return this.#riding ? 0 : this.capacity
  }

  whenRoom(): void {
    if (!this.#due) this.#admissions.context.clock.soon(() => this.#subscription?.drained())
  }

  /** A record larger than what may still come arrives alone: it is refused here, and the cursor stays before it. */
  send(frames: Frames): boolean {
    const { bytes } = frames
    const begun = this.#records.length > 0
    if (this.#due || (begun && this.#bytes + bytes > RECORDS_BYTES_MAX)) {
      // Tells what was left out so far: it ends now.
      this.#subscription?.heartbeat()
      this.#finishSoon()
      return false
    }
    for (let i = 0; i < frames.length; i++) this.#records.push(Uint8Array.from(frames.at(i)))
    this.#bytes += bytes
    if (this.#records.length >= this.#asked.wish.limit || this.#bytes >= RECORDS_BYTES_MAX) this.#finishSoon()
    return true
  }

  join(): void {
    this.#riding = true
    if (!this.#empty || this.#admissions.context.clock.now() >= this.#waitsUntil) this.#finishSoon()
  }

  leave(): void {
    this.#riding = false
    this.#readingSince = this.#admissions.context.clock.now()
  }

  tell(event: SubscriptionEvent): void {
    switch (event.type) {
      case 'subscribed':
        this.#state = 'collecting'
        this.#readingSince = this.#admissions.context.clock.now()
        return
      case 'gap':
        return void this.#gaps.push(controlOf(event))
      case 'notice':
        // Being behind is what `caughtUp` says.
        return void (event.kind === 'invalid' && this.#notices.push(controlOf(event)))
      case 'paused':
        return this.#paused(event)
      case 'resumed':
        this.#refusal = null
        return
      case 'ended':
        // Once it is due, the end is of its own making.
        return this.#due ? undefined : this.#close(event.refusal)
      // Of allowances a page tells by its headers.
      case 'warned':
      case 'position':
    }
  }

  /** The source may come back within a page's time, an allowance hardly. */
  #paused({ reason, resumesAt }: Extract<SubscriptionEvent, { type: 'paused' }>): void {
    const { clock } = this.#admissions.context
    const seconds = resumesAt === null ? SOURCE_RETRY_S : Math.max(1, Math.ceil((resumesAt - clock.now()) / 1000))
    this.#refusal =
      reason === 'quota'
        ? refuse('quota-exhausted', 'The allowance is spent for now.', { retryAfter: seconds })
        : refuse('source-unavailable', 'The data behind this stream cannot be read at present.', {
            retryAfter: seconds,
          })
    if (reason !== 'source') this.#finishSoon()
  }

  get #empty(): boolean {
    return this.#records.length === 0 && this.#gaps.length === 0
  }

  get #waitsUntil(): number {
    return this.#openedAt + this.#asked.wish.waitMs
  }

  #tick(now: number): void {
    const { expiresAt } = this.#asked.grant.identity
    if (now >= expiresAt) this.#close(refuse('token-expired', `The token expired at ${isoTime(expiresAt)}.`))
    else if (this.#riding ? now >= this.#waitsUntil : now - this.#readingSince >= SCAN_MS_MAX) this.#finish()
  }

  /** Ends it; what was read is still answered, and the next request is told why there is no more. */
  #close(refusal: Refusal): void {
    if (this.#state === 'opening') return this.#turnDown(refusal)
    // Who waits at a node that goes away asks again at another one: an empty page says that as well as an error.
    if (refusal.code !== 'draining') this.#refusal = refusal
    this.#finishSoon()
  }

  #finishSoon(): void {
    if (this.#due) return
    this.#due = true
    this.#admissions.context.clock.soon(() => this.#finish())
  }

  #finish(): void {
    if (this.#state !== 'collecting') return
    const subscription = this.#subscription as Subscription
    subscription.heartbeat()
    const caughtUp = this.#riding && this.#refusal === null
    const cursor = subscription.close()
    if (cursor === null || (this.#empty && this.#refusal !== null)) {
      return this.#turnDown(
        this.#refusal ?? refuse('internal', 'The page has no cursor because of a fault on our side.'),
      )
    }
    this.#answer(cursor, caughtUp).catch((error: unknown) => {
      this.#admissions.fault(error, 'a page')
      this.#turnDown(refuse('internal', 'The page could not be answered because of a fault on our side.'))
    })
  }

  async #answer(cursor: string, caughtUp: boolean): Promise<void> {
    this.#state = 'answering'
    const { reply, request, grant } = this.#asked
    const page = pageBody(this.#records, { gaps: this.#gaps, notices: this.#notices, cursor, caughtUp })
    const next = nextPage(this.#admissions.context.gate.publicUrl(), grant, request.query, cursor)
    const { body, headers } = await coded(page, request.acceptEncoding)
    if (reply.gone) return
    this.#log(page.byteLength)
    const allowance = this.#admissions.allowanceOf(grant)
    deliver(reply, { Link: `<${next}>; rel="next"`, ...allowance, ...headers }, body, () => this.#end())
  }

  #turnDown(refusal: Refusal): void {
    this.#end()
    const { reply, grant } = this.#asked
    reply.problem(refusal, { ...this.#admissions.headersOf(refusal, true), ...this.#admissions.allowanceOf(grant) })
  }

  #end(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#subscription?.close()
    this.#admissions.leave(this)
  }

  #log(bytes: number): void {
    const { identity, product, stream, agreement } = this.#asked.grant
    const { clock, log } = this.#admissions.context
    const fields = { event: 'page', consumer: identity.consumer, product: product.id, stream: stream.id }
    const ms = clock.now() - this.#openedAt
    log.info({ ...fields, agreement: agreement.id, records: this.#records.length, bytes, ms }, 'page answered')
  }
}
