import { keyOf, type Block, type Replay } from './replay.ts'
import type { Vector } from './source.ts'
import type { Tail } from './tail.ts'

interface Ahead {
  readonly key: string
  readonly block: Promise<Block | null>
}

/** Where one reader's blocks come from: while it reads one, the next is on its way, wherever memory and slots are idle. */
export class Supply {
  readonly #replay: Replay
  readonly #tail: Tail
  /** Held for this reader, so that it is still there when it is asked for. */
  #ahead: Ahead | null = null

  constructor(replay: Replay, tail: Tail) {
    this.#replay = replay
    this.#tail = tail
  }

  /** The block from `vector` on, the caller's until `release`. Rejects with the `SourceError` of its read. */
  async take(vector: Vector): Promise<Block> {
    const ahead = this.#ahead
    // Another one may be the very memory that this read waits for.
    if (ahead?.key !== keyOf(this.#tail, vector)) this.drop()
    try {
      return await this.#replay.take(this.#tail, vector)
    } finally {
      if (this.#ahead === ahead) this.drop()
    }
  }

  release(block: Block): void {
    this.#replay.release(block)
  }

  /** Asks for the block that is going to be taken next; `null`: none is. */
  expect(vector: Vector | null): void {
    this.drop()
    if (vector === null || !this.#replay.mayGoAhead(this.#tail, vector)) return
    // Whoever takes it then is told why it failed, and tries anew.
    const block = this.#replay.take(this.#tail, vector).catch(() => null)
    this.#ahead = { key: keyOf(this.#tail, vector), block }
  }

  /** Gives up what was asked for in advance. */
  drop(): void {
    const ahead = this.#ahead
    this.#ahead = null
    void ahead?.block.then((block) => block && this.#replay.release(block))
  }
}
