import { distance } from 'fastest-levenshtein'

/**
 * What was probably meant: the known word nearest to `word`, or `null` where none is near enough to be a slip of the
 * finger. Case counts for nothing.
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  // Long garbage is no slip, and the distance costs the product of both lengths.
  if (word.length > WORD_CHARS_MAX) return null
  const wanted = word.toLowerCase()
  let best: string | null = null
  // Two letters swapped are a distance of two, and the commonest slip.
  let bestDistance = Math.max(word.length > 3 ? 2 : 1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const d = distance(wanted, candidate.toLowerCase())
    if (d >= bestDistance) continue
    best = candidate
    bestDistance = d
  }
  return best
}

const WORD_CHARS_MAX = 128
