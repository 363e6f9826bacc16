/** Which of how many processes on one port this one is. */
export interface Place {
  /** From 0. */
  readonly index: number
  readonly count: number
  /** Where all of them listen; 0 where there is but one: any that is free. */
  readonly port: number
}

/** A machine of more cores runs several nodes sooner: each worker follows every topic that it serves. */
export const WORKERS_MAX = 64

export function alone(port: number): Place {
  return { index: 0, count: 1, port }
}
