/**
 * Which partition a key belongs to, by the rule of Kafka's own default partitioner: the same key lands in the same
 * partition here and there, so a product's order does not change when its embedded log is replaced by Kafka.
 */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** MurmurHash2, 32 bits, with the seed that Kafka's clients use; a signed integer as in Java. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = SEED ^ length
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) h = Math.imul(h, M) ^ mixed(wordAt(data, i))
  h = tail(data, whole, h)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}

function wordAt(data: Uint8Array, i: number): number {
  return data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
}

function mixed(word: number): number {
  const k = Math.imul(word, M)
  return Math.imul(k ^ (k >>> R), M)
}

function tail(data: Uint8Array, from: number, h: number): number {
  const left = data.length - from
  if (left === 0) return h
  let word = data[from]!
  if (left > 1) word |= data[from + 1]! << 8
  if (left > 2) word |= data[from + 2]! << 16
  return Math.imul(h ^ word, M)
}
