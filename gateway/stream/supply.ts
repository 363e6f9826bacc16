import type { Block, Replay } from './replay.ts'
import type { Vector } from './source.ts'
import type { Tail } from './tail.ts'

interface Ahead {
  readonly vector: Vector
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
    // It may be memory that this very read waits for.
    if (!this.#expects(vector)) this.drop()
    try {
      return await this.#replay.take(this.#tail, vector)
    } finally {
      if (this.#expects(vector)) this.drop()
    }
  }

  release(block: Block): void {
    this.#replay.release(block)
  }

  /** Asks for the block that is going to be taken next. */
  expect(vector: Vector): void {
    this.drop()
    if (!this.#replay.mayGoAhead(this.#tail, vector)) return
    // Whoever takes it then is told why it failed, and tries anew.
    this.#ahead = { vector: [...vector], block: this.#replay.take(this.#tail, vector).catch(() => null) }
  }

  /** Gives up what was asked for in advance. */
  drop(): void {
    const ahead = this.#ahead
    this.#ahead = null
    void ahead?.block.then((block) => block && this.#replay.release(block))
  }

  #expects(vector: Vector): boolean {
    const { vector: ahead } = this.#ahead ?? {}
    return ahead?.length === vector.length && vector.every((next, partition) => next === ahead[partition])
  }
}
