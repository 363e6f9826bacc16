/** 32 bits that tell logs apart (FNV-1a), never 0: that stands for a log that nobody can name. */
export function fingerprint(name: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0 || 1
}
