/** One way to load an arm: who listens to what, and what is sent. */
export interface Shape {
  readonly name: string
  readonly transport: 'ws' | 'sse'
  /** Topics, each with one partition; connections are spread over them. */
  readonly topics: number
  readonly connections: number
  /** Subscriptions of each connection that differ in one equality; 0: it takes whole streams. */
  readonly equalities: number
  readonly bytes: number
  /** Records that are sent at once, and how often. */
  readonly burst: number
  readonly burstsPerSecond: number
  readonly arms: readonly ArmName[]
  /** With `--short`, in place of those. */
  readonly armsShort?: readonly ArmName[]
  /** Of the connections, how many stop reading once they are subscribed. */
  readonly stalled: number
  /** What the plan of its clients allows together: so much that no run spends it, but where that is the point. */
  readonly perMinuteMax: number
  /** Where subscriptions of the gateway begin. */
  readonly from: 'latest' | 'earliest'
  /** Runs with `--short`. */
  readonly short: boolean
}

/**
 * `B0` and `S0` are raw uWebSockets.js and raw SSE; `B1` is a bare Kafka loop; `G` is the gateway, `G-` the same without authentication, allowances and
 * metering, `G1` and `G2` are `weir start` with so many workers. Some have a twin, for the noise.
 */
export type RawArm = 'B0' | "B0'" | 'S0' | "S0'" | 'B1' | "B1'"
export type GatewayArm = 'G' | 'G-' | 'G1' | 'G2'
export type ArmName = RawArm | GatewayArm

/** It makes its records itself. */
export function isRaw(arm: ArmName): boolean {
  return arm.startsWith('B0') || arm.startsWith('S0')
}

const WS: readonly ArmName[] = ['B0', 'B1', 'G', "B0'"]
const SSE: readonly ArmName[] = ['S0', 'G', "S0'"]
export const COMMON = {
  transport: 'ws',
  topics: 1,
  equalities: 0,
  bytes: 200,
  burst: 1,
  arms: WS,
  stalled: 0,
  from: 'latest',
  perMinuteMax: 600_000_000,
  short: true,
} as const

export const SHAPES: readonly Shape[] = [
  { ...COMMON, name: 'ws-1x1-200B', connections: 1, burstsPerSecond: 500, short: false },
  { ...COMMON, name: 'ws-1x100-200B', connections: 100, burstsPerSecond: 200, short: false },
  {
    ...COMMON,
    name: 'ws-1x1000-200B',
    arms: ['B0', 'B1', 'G', 'G-', "B0'"],
    connections: 1000,
    burstsPerSecond: 30,
  },
  { ...COMMON, name: 'ws-1x1000-1KB', connections: 1000, burstsPerSecond: 30, bytes: 1024, short: false },
  { ...COMMON, name: 'ws-1x1000-10KB', connections: 1000, burstsPerSecond: 6, bytes: 10_240, short: false },
  { ...COMMON, name: 'ws-1x1000-200B-16', armsShort: ['G'], connections: 1000, burst: 16, burstsPerSecond: 20 },
  {
    ...COMMON,
    name: 'ws-1x100-200B-16',
    arms: ['B0', 'G', 'G-', "B0'"],
    connections: 100,
    burst: 16,
    burstsPerSecond: 100,
  },
  { ...COMMON, name: 'ws-1x5000-200B', connections: 5000, burstsPerSecond: 6, short: false },
  { ...COMMON, name: 'ws-1000x1000-200B', topics: 1000, connections: 1000, burst: 50, burstsPerSecond: 50 },
  {
    ...COMMON,
    name: 'sse-1x100-200B',
    transport: 'sse',
    arms: SSE,
    connections: 100,
    burstsPerSecond: 200,
    short: false,
  },
  { ...COMMON, name: 'sse-1x1000-200B', transport: 'sse', arms: SSE, connections: 1000, burstsPerSecond: 30 },
  {
    ...COMMON,
    name: 'sse-1x1000-1KB',
    transport: 'sse',
    arms: SSE,
    connections: 1000,
    burstsPerSecond: 30,
    bytes: 1024,
    short: false,
  },
  { ...COMMON, name: 'ws-1x500-10KB', arms: ['G'], connections: 500, burstsPerSecond: 10, bytes: 10_240 },
  {
    ...COMMON,
    name: 'ws-1x500-10KB-stalled',
    arms: ['G'],
    connections: 500,
    stalled: 50,
    burstsPerSecond: 10,
    bytes: 10_240,
  },
  { ...COMMON, name: 'views-1', arms: ['G'], connections: 1, equalities: 1, burstsPerSecond: 500 },
  {
    ...COMMON,
    name: 'views-100',
    arms: ['G'],
    connections: 100,
    equalities: 1,
    burstsPerSecond: 500,
    short: false,
  },
  { ...COMMON, name: 'views-10000', arms: ['G'], connections: 100, equalities: 100, burstsPerSecond: 500 },
  {
    ...COMMON,
    name: 'workers-1x1000-200B',
    arms: ['G1', 'G2'],
    connections: 1000,
    burstsPerSecond: 30,
    short: false,
  },
]

/** A prime, so that records walk over all views, and the few connections that take the time have some soon. */
const STRIDE = 7_919

/** Which value a record has, where views differ in one: each record matches one of them. */
export function kindOf({ connections, equalities }: Shape, record: number): string {
  return kindOfView((record * STRIDE) % Math.max(1, connections * equalities))
}

/** The value that a view keeps. */
export function kindOfView(view: number): string {
  return `v${view}`
}

/** Records that all connections that read have together when so many were sent. */
export function deliveriesOf({ connections, topics, equalities, stalled }: Shape, sent: number): number {
  return equalities > 0 ? sent : (sent * (connections - stalled)) / topics
}
