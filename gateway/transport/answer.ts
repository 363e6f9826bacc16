import type { Grant } from '../access/grant.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Outlet } from '../stream/outlet.ts'
import type { Subscription } from '../stream/subscription.ts'
import type { Admissions } from './admissions.ts'
import { isRefusal, type Seat } from './gate.ts'
import { noRawText, type Wish } from './parameters.ts'
import type { Headers, Reply } from './reply.ts'
import { streamOf, type Request } from './request.ts'
import { Seats } from './seats.ts'
import { seenBy } from './seen.ts'

/** A form in which a stream's address answers a GET: server-sent events, NDJSON, a page. */
export interface Form<W extends Wish> {
  /** Whether it is a connection that lasts, and takes a place of its agreement's. */
  readonly seated: boolean
  /** Its parameters. */
  read(query: string): W | Refusal
  /** Takes on a request that is allowed. Its subscription follows in the same turn. */
  connect(asked: Asked<W>): Answer
  /** Says no where nothing was sent yet. */
  turnDown(reply: Reply, refusal: Refusal, headers: Headers): void
}

export interface Asked<W extends Wish> {
  readonly reply: Reply
  readonly request: Request
  readonly wish: W
  readonly grant: Grant
  /** The connection's to give back. */
  readonly seat: Seat
}

/** One connection, as its subscription sees it. */
export interface Answer extends Outlet {
  begin(subscription: Subscription): void
}

const NO_SEAT: Seat = { release: () => undefined }

/** Answers one request for a stream: who asks, may they, from where; then it is the form's. */
export async function answer<W extends Wish>(
  form: Form<W>,
  admissions: Admissions,
  reply: Reply,
  request: Request,
): Promise<void> {
  const refusal = await open(form, admissions, reply, request)
  if (refusal) form.turnDown(reply, refusal, admissions.headersOf(refusal, request.authorization !== ''))
}

async function open<W extends Wish>(
  form: Form<W>,
  admissions: Admissions,
  reply: Reply,
  request: Request,
): Promise<Refusal | null> {
  // Before the token is looked at: one in the query must be named as what is wrong.
  const wish = admissions.refusal() ?? form.read(request.query)
  if (isRefusal(wish)) return wish
  const grant = await grantFor(request, admissions)
  if (reply.gone) return null
  if (isRefusal(grant)) return grant
  const seat = form.seated ? await new Seats(admissions.context.gate).take(grant.agreement) : NO_SEAT
  if (isRefusal(seat)) return seat
  if (reply.gone) {
    seat.release()
    return null
  }
  // Asked again: others came in, the drain began, or the documents were published anew, while all that was checked.
  const refusal = admissions.refusal() ?? subscribe(form, admissions, { reply, request, wish, grant, seat })
  if (refusal !== null) seat.release()
  return refusal
}

async function grantFor(request: Request, { context: { gate } }: Admissions): Promise<Grant | Refusal> {
  const address = streamOf(request.path)
  if (address === null) return refuse('no-such-stream', 'A stream has the address /streams/{product}/{stream}.')
  const sent = gate.bearer(request.authorization)
  if (sent === null) return refuse('unauthenticated', 'Send a token as `Authorization: Bearer …`.')
  if (typeof sent !== 'string') return sent
  const identity = await gate.authenticate(sent)
  return isRefusal(identity) ? identity : gate.authorize(identity, address.product, address.stream)
}

function subscribe<W extends Wish>(form: Form<W>, { context }: Admissions, asked: Asked<W>): Refusal | null {
  const { wish, request } = asked
  const { gate, hub, clock } = context
  const { identity, product, stream } = asked.grant
  const grant = gate.authorize(identity, product.id, stream.id)
  if (isRefusal(grant)) return grant
  if (wish.format === 'raw' && grant.stream.encoding.kind !== 'json') return noRawText()
  const seen = seenBy(gate, grant, wish, request.lastEventId, clock.now())
  if (isRefusal(seen)) return seen
  const connection = form.connect({ ...asked, grant })
  connection.begin(hub.open({ ...seen, outlet: connection, account: gate.account(grant) }))
  return null
}
