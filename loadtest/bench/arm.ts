import { startGatewayArm } from './gatewayArm.ts'
import type { Feed } from './feed.ts'
import type { Request } from './loadWorker.ts'
import { startRawArm } from './rawArm.ts'
import type { ArmName, GatewayArm, Shape } from './shape.ts'

/** A server under load, in one process of its own or several. */
export interface Arm {
  readonly name: ArmName
  readonly pids: readonly number[]
  readonly port: number
  /** What its clients send first; with tokens other than the arm's own, where it asks for any. */
  requests(shape: Shape, tokens?: readonly string[]): readonly Request[]
  /** Sends records until `stop`, which answers how many those were. */
  start(burstsPerSecond: number): void
  stop(): Promise<number>
  end(): Promise<void>
  /** What is asked of a gateway alone; `null` where there is none. */
  readonly gateway: GatewaySide | null
}

export interface GatewaySide {
  /** Records that are written down as delivered so far; `null` where nothing is metered. */
  readonly metered: (() => Promise<number>) | null
  /** Calls for allowances so far. */
  redisCalls(): Promise<number>
  tokens(count: number): Promise<readonly string[]>
}

/** What all arms share. */
export interface Place {
  readonly brokers: readonly string[]
  readonly redis: string
  /** Folder for CPU profiles of the gateway; `null`: none are written. */
  readonly profiles: string | null
}

export interface Stage extends Place {
  readonly shape: Shape
  /** Prefix of the names of its topics. */
  readonly prefix: string
  readonly topics: readonly string[]
  readonly feed: Feed
}

export function startArm(name: ArmName, stage: Stage): Promise<Arm> {
  return isGateway(name) ? startGatewayArm(name, stage) : startRawArm(name, stage)
}

function isGateway(name: ArmName): name is GatewayArm {
  return name.startsWith('G')
}
