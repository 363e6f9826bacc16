/** The shortest part of `steps`, found by leaving out ever smaller pieces, that still fails; with its error. */
export async function shortest<T>(
  steps: readonly T[],
  failure: (steps: readonly T[]) => Promise<unknown>,
  triesMax = 2_000,
): Promise<{ readonly steps: readonly T[]; readonly error: unknown }> {
  let left = steps
  let error = await failure(left)
  let tries = 0
  for (let piece = left.length >> 1; piece >= 1 && tries < triesMax; piece >>= 1) {
    for (let at = 0; at < left.length && tries++ < triesMax;) {
      const fewer = [...left.slice(0, at), ...left.slice(at + piece)]
      const still = await failure(fewer)
      if (still === null) at += piece
      else {
        left = fewer
        error = still
      }
    }
  }
  return { steps: left, error }
}
