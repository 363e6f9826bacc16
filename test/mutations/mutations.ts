/** One way to break a promise: a text of the source that is replaced, and the tests that must go red for it. */
export interface Mutation {
  /** What the broken gateway does. */
  readonly name: string
  readonly file: string
  /** Stands once in the file. */
  readonly from: string
  readonly to: string
  /** Below test/, without `.test.ts`, the cheapest first; none that needs a service. */
  readonly tests: readonly string[]
}

const CURSORS: readonly Mutation[] = [
  {
    name: 'a cursor is one record too early',
    file: 'gateway/stream/view.ts',
    from: 'position.resetTime(ends), position.next, log)',
    to: 'position.resetTime(ends), position.next.map((next) => Math.max(0, next - 1)), log)',
    tests: ['transport/sse'],
  },
  {
    name: 'a cursor is one record too late',
    file: 'gateway/stream/view.ts',
    from: 'position.resetTime(ends), position.next, log)',
    to: 'position.resetTime(ends), position.next.map((next) => next + 1), log)',
    tests: ['transport/sse'],
  },
  {
    name: "a cursor of another stream is taken for one's own",
    file: 'gateway/stream/cursor.ts',
    from: "if (bytes.readUInt32LE(0) !== tag) return 'foreign'",
    to: '',
    tests: ['stream/cursor'],
  },
  {
    name: 'the epoch of a cursor is not looked at',
    file: 'gateway/stream/opening.ts',
    from: ': a.epoch === b.epoch',
    to: ': true',
    tests: ['stream/opening'],
  },
  {
    name: 'the fingerprint of the log is not looked at',
    file: 'gateway/stream/opening.ts',
    from: '? a.log === b.log',
    to: '? true',
    tests: ['stream/opening'],
  },
  {
    name: 'Last-Event-ID is not looked at',
    file: 'gateway/transport/parameters.ts',
    from: "if (header) return fromCursor(header, tag, 'Last-Event-ID')",
    to: '',
    tests: ['transport/sse'],
  },
  {
    name: 'a heartbeat does not move the cursor of an event stream',
    file: 'gateway/transport/sse.ts',
    from: 'position: (cursor) => Buffer.from(`id: ${cursor}\\n\\n`)',
    to: "position: () => Buffer.from(':\\n\\n')",
    tests: ['transport/sse'],
  },
  {
    name: 'an event has no cursor',
    file: 'gateway/transport/eventStreams.ts',
    from: 'return this.#dialect.record(body, cursor)',
    to: 'return this.#dialect.record(body, null)',
    tests: ['transport/sse'],
  },
]

const GAPS: readonly Mutation[] = [
  {
    name: 'what retention took is not told',
    file: 'gateway/stream/subscription.ts',
    from: "if (gap !== null) this.outlet.tell({ type: 'gap', cursor: reader.cursor, ...gap })",
    to: '',
    tests: ['transport/delivery'],
  },
  {
    name: 'a gap at the start is not told',
    file: 'gateway/stream/subscription.ts',
    from: "if (start.gap !== null) outlet.tell({ type: 'gap', cursor, ...start.gap })",
    to: '',
    tests: ['transport/delivery'],
  },
  {
    name: 'a log that is shorter than it was is taken for whole',
    file: 'gateway/stream/subscription.ts',
    from: "block.slices.some((slice) => slice.lost?.reason === 'truncated')",
    to: 'false',
    tests: ['stream/hub-log'],
  },
  {
    name: 'the horizon of the plan binds nobody',
    file: 'gateway/stream/opening.ts',
    from: "if (horizon === null || from.kind === 'latest') return start",
    to: 'return start',
    tests: ['transport/delivery'],
  },
]

const DELIVERY: readonly Mutation[] = [
  {
    name: 'the room of a socket is not looked at before a broadcast',
    file: 'gateway/stream/fanout.ts',
    from: 'rider.outlet.room() < bytes',
    to: 'rider.outlet.room() < -Infinity',
    tests: ['stream/hub', 'stream/hub-model'],
  },
  {
    name: 'who does not stand where the view stands rides all the same',
    file: 'gateway/stream/reader.ts',
    from: 'return this.position.equals(front.position)',
    to: 'return true',
    tests: ['stream/hub', 'stream/hub-model'],
  },
  {
    name: 'between log and ring records are passed over',
    file: 'gateway/stream/reader.ts',
    from: "this.#place = held ? { at: 'ring', seq: ring.seqOf(this.position) }",
    to: "if (held) this.position.raise(position)\n    this.#place = held ? { at: 'ring', seq: ring.seqOf(this.position) }",
    tests: ['stream/hub-model'],
  },
  {
    name: 'markers behind the last record are not passed',
    file: 'gateway/stream/reader.ts',
    from: 'if (isUnresolved(next) || next <= this.position.at(partition)) continue',
    to: 'continue',
    tests: ['stream/hub', 'stream/hub-model'],
  },
  {
    name: 'what the ring forgets raises no floor',
    file: 'gateway/stream/ring.ts',
    from: 'this.setFloor(partition, offset + 1)',
    to: '',
    tests: ['stream/ring'],
  },
  {
    name: 'what a connection did not take counts as delivered',
    file: 'gateway/stream/reader.ts',
    from: 'if (!sent) this.position = before',
    to: '',
    tests: ['transport/page', 'stream/hub'],
  },
  {
    name: 'a reader sees what is older than its start',
    file: 'gateway/stream/reader.ts',
    from: "time < this.#notBefore ? 'filtered' : ",
    to: '',
    tests: ['stream/hub', 'stream/hub-log'],
  },
  {
    name: 'a rider sees what is older than its start',
    file: 'gateway/stream/fanout.ts',
    from: "else if (rider.notBefore > oldest) rider.takeOff('replay')",
    to: '',
    tests: ['stream/hub', 'stream/hub-model'],
  },
  {
    name: 'aborted records are delivered',
    file: 'gateway/source/kafka/batches.ts',
    from: 'const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)',
    to: 'const waiting = aborted.slice(0, 0)',
    tests: ['source/kafka/batches'],
  },
  {
    name: 'the last event of a burst waits for the next write',
    file: 'gateway/transport/eventStream.ts',
    from: 'const taken = this.#res.write(push)',
    to: 'const taken = true',
    tests: ['transport/sse'],
  },
]

const WISHES: readonly Mutation[] = [
  {
    name: 'an unknown parameter is ignored',
    file: 'gateway/transport/parameters.ts',
    from: 'if (known.includes(name)) return null',
    to: 'return null',
    tests: ['transport/parameters', 'transport/websocket'],
  },
  {
    name: 'a filter lets everything pass',
    file: 'gateway/stream/view.ts',
    from: "if (spec.condition !== null && !keeps(spec.condition, parsed(payload.json))) return 'filtered'",
    to: '',
    tests: ['stream/view'],
  },
  {
    name: '`fields` keeps everything',
    file: 'gateway/stream/view.ts',
    from: 'project(json, spec.kept)',
    to: 'json',
    tests: ['stream/view'],
  },
  {
    name: 'a record that cannot be cut to `fields` is shown whole',
    file: 'gateway/stream/view.ts',
    from: "whole && payload.invalid !== 'too-big'",
    to: 'true',
    tests: ['stream/view'],
  },
  {
    name: 'a page has more records than were asked for',
    file: 'gateway/transport/page.ts',
    from: 'return Math.min(left, RESERVE_BYTES_MIN + (wanted - 1) * LINE_BYTES_MIN)',
    to: 'return wanted > 0 ? left : 0',
    tests: ['transport/page'],
  },
  {
    name: 'a page that is not at the end says that it is',
    file: 'gateway/transport/page.ts',
    from: 'const caughtUp = this.#riding && this.#refusal === null',
    to: 'const caughtUp = true',
    tests: ['transport/page'],
  },
]

const SESSIONS: readonly Mutation[] = [
  {
    name: 'a session is closed without its cursors',
    file: 'gateway/transport/session.ts',
    from: 'this.#wire.send(closingOf(refusal, cursors))',
    to: 'this.#wire.send(closingOf(refusal, {}))',
    tests: ['transport/websocket'],
  },
  {
    name: 'an expired token has a close code that forbids to come back',
    file: 'gateway/errors.ts',
    from: 'close: 4201,',
    to: 'close: 4401,',
    tests: ['transport/sse', 'transport/websocket'],
  },
  {
    name: 'a node that goes away has a close code that forbids to come back',
    file: 'gateway/errors.ts',
    from: 'close: 4000,',
    to: 'close: 4400,',
    tests: ['transport/websocket'],
  },
  {
    name: 'a subscription may be doubled',
    file: 'gateway/transport/session.ts',
    from: 'if (twin) return',
    to: 'if (twin && id === null) return',
    tests: ['transport/websocket'],
  },
  {
    name: 'a session outlives its token',
    file: 'gateway/transport/session.ts',
    from: 'if (now >= expiresAt) return',
    to: 'if (now >= Infinity) return',
    tests: ['transport/websocket'],
  },
  {
    name: 'an event stream outlives its token',
    file: 'gateway/transport/eventStream.ts',
    from: 'if (now >= expiresAt) return',
    to: 'if (now >= Infinity) return',
    tests: ['transport/sse'],
  },
  {
    name: 'a token of another consumer takes a session over',
    file: 'gateway/transport/session.ts',
    from: 'else if (answer.consumer !== this.#identity.consumer) {',
    to: 'else if (answer.consumer === null) {',
    tests: ['transport/websocket'],
  },
  {
    name: 'a node that goes away lets others in',
    file: 'gateway/transport/admissions.ts',
    from: 'if (this.#draining) return this.#goingAway()',
    to: '',
    tests: ['transport/websocket'],
  },
  {
    name: 'a refusal does not say when to come back',
    file: 'gateway/transport/reply.ts',
    from: "retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }",
    to: '{}',
    tests: ['transport/websocket'],
  },
]

export const MUTATIONS: readonly Mutation[] = [...CURSORS, ...GAPS, ...DELIVERY, ...WISHES, ...SESSIONS]
