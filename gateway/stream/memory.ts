/** The one budget of a process for what it keeps of the log: rings, cached bodies and replay blocks. */
export interface Memory {
  /** Bytes. */
  used: number
  readonly bytesMax: number
}
