/** Why a rider left the broadcast. */
export type TakenOff = 'socket' | 'quota' | 'pause' | 'replay'

/** How often riders left the broadcast, and readers stepped onto it, by why they had been reading (`start`: since they began). */
export interface ModeCounts {
  readonly off: { [why in TakenOff]: number }
  readonly on: { [why in TakenOff | 'start']: number }
}
