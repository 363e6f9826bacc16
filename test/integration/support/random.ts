/** Numbers in [0, 1) that come again with the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A seed of this run, or the one that `WEIR_TEST_SEED` names, to see a failure again. */
export function seedOfRun(): number {
  return Number(process.env['WEIR_TEST_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
}
