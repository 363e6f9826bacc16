import type { Amount } from './leases.ts'

/** Reckoning with amounts: a unit that no window limits is endless. */

export function partOf(left: number, parts: number): number {
  return left === Infinity ? Infinity : left / parts
}

export function total({ messages, bytes }: Amount): number {
  return messages + bytes
}

export function finite(amount: number): number {
  return Number.isFinite(amount) ? amount : 0
}

export function smaller(a: Amount, b: Amount): boolean {
  return a.messages < b.messages || (a.messages === b.messages && a.bytes < b.bytes)
}
