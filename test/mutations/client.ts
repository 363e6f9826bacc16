import type { Mutation } from './mutation.ts'

const BOTH = ['client/lines', 'client/websocket']

/** Breaks what the client promises to those who follow by it. */
export const CLIENT: readonly Mutation[] = [
  {
    name: 'the client comes back where it began, not where it stands',
    file: 'client/follow.ts',
    from: 'const from = this.#cursor ?? this.#settings.from',
    to: 'const from = this.#settings.from ?? this.#cursor',
    tests: BOTH,
  },
  {
    name: 'the client takes the cursor of a frame that the consumer has not asked for',
    file: 'client/session.ts',
    from: 'if (entry) return this.#hand(entry)',
    to: 'if (entry) return { ...this.#hand(entry), cursor: this.#inbox.at(-1)?.frame["cursor"] ?? null }',
    tests: BOTH,
  },
  {
    name: 'the client hands on what comes again after a break',
    file: 'client/dealt.ts',
    from: 'offset <= last.offset',
    to: 'offset < last.offset - 1_000',
    tests: BOTH,
  },
  {
    name: 'the client takes records of a new topic under an old name for those it had',
    file: 'client/dealt.ts',
    from: 'epoch === last.epoch && offset',
    to: 'offset',
    tests: BOTH,
  },
  {
    name: 'the client comes back though the range of the code forbids it',
    file: 'client/advice.ts',
    from: 'code >= 4400 && code <= 4599',
    to: 'code >= 4500 && code <= 4599',
    tests: ['client/advice', ...BOTH],
  },
  {
    name: 'the client comes back with the token that has expired',
    file: 'client/follow.ts',
    from: 'this.#tokens.drop()',
    to: '',
    tests: BOTH,
  },
  {
    name: 'the client does not wait as long as the gateway asks',
    file: 'client/advice.ts',
    from: 'retryAfterMs === null ? null : retryAfterMs + random()',
    to: 'retryAfterMs === null ? null : random()',
    tests: BOTH,
  },
  {
    name: 'the client sends no newer token into its session',
    file: 'client/session.ts',
    from: "frame['kind'] === 'token-expiring'",
    to: "frame['kind'] === 'token-expired'",
    tests: ['client/websocket'],
  },
  {
    name: 'the client takes silence for life',
    file: 'client/watchdog.ts',
    from: 'if (left > 0) return this.#wait(left)',
    to: 'if (left > -1e9) return',
    tests: BOTH,
  },
  {
    name: 'the client reads on though its consumer does not',
    file: 'client/session.ts',
    from: 'if (this.#fill() >= 1) this.#hold()',
    to: '',
    tests: BOTH,
  },
  {
    name: 'the client asks a gateway that is down again without pause',
    file: 'client/advice.ts',
    from: 'BACKOFF_MS * 2 ** failures',
    to: 'BACKOFF_MS',
    tests: ['client/advice', ...BOTH],
  },
  {
    name: 'the client leaves its connection open when its consumer breaks off',
    file: 'client/follow.ts',
    from: "signal.removeEventListener('abort', abort)\n      session.close()",
    to: "signal.removeEventListener('abort', abort)",
    tests: BOTH,
  },
]
