import type { Outcome } from './stage.ts'
import type { World } from './world.ts'

/** One way in which things go wrong, and the promise that holds meanwhile. */
export interface Fault {
  readonly name: string
  /** What is done, for the table of docs/reliability.md. */
  readonly what: string
  /** One run; whatever it broke is whole again afterwards. */
  run(world: World, seed: number): Promise<Outcome>
}
