import { RoaringBitmap32 } from 'roaring-wasm'

/**
 * Sets of offsets within a block, in the portable roaring format that every language reads. They live in WebAssembly memory, which
 * no collector looks after in time: whoever makes one disposes of it.
 */
export class OffsetSet {
  readonly #bitmap: RoaringBitmap32
  constructor(serialized: readonly Uint8Array[] = []) {
    this.#bitmap = new RoaringBitmap32()
    for (const bytes of serialized) this.unite(bytes)
  }

  /** Whether it was not there before. Within the block: 0 to 65,535. */
  add(place: number): boolean {
    return this.#bitmap.tryAdd(place)
  }

  addAll(places: readonly number[]): void {
    this.#bitmap.addMany(places)
  }

  serialize(): Uint8Array {
    this.#bitmap.runOptimize()
    return this.#bitmap.serialize('portable')
  }

  /** Ascending runs, [from, to). */
  runs(): readonly (readonly [from: number, to: number])[] {
    const runs: [number, number][] = []
    let last: [number, number] | undefined
    for (const place of this.#bitmap.toUint32Array()) {
      if (last?.[1] === place) last[1]++
      else runs.push((last = [place, place + 1]))
    }
    return runs
  }

  dispose(): void {
    this.#bitmap.dispose()
  }

  unite(bytes: Uint8Array): void {
    const other = RoaringBitmap32.deserialize(bytes, 'portable')
    try {
      this.#bitmap.orInPlace(other)
    } finally {
      other.dispose()
    }
  }
}
