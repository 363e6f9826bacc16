/**
 * Who may know whom. Places are paths below gateway/: a folder ends with a slash, a file with `.ts`. The longest `from` that
 * fits a file is its row; everything may import from its own row's place.
 */
export interface Layer {
  readonly from: string
  readonly may: readonly string[]
  /** By `import type` only. */
  readonly types?: readonly string[]
  /** False: no npm package and no module of Node's. */
  readonly outside?: false
}

const GROUND = ['errors.ts', 'clock.ts', 'log.ts', 'metrics.ts', 'eventual.ts']
const CONTRACTS = ['catalog/plan.ts', 'access/grant.ts']

/** What a command may have of access: to make development tokens, and to check the file of consumers. */
const CLI_ACCESS = ['access/developmentIssuer.ts', 'access/consumers.ts']

const CLI = [
  'config.ts',
  'billing/',
  'drivers/sql/',
  'drivers/nearest.ts',
  'workers/place.ts',
  'config/',
  'package.ts',
  'rawMember.ts',
  'catalog/',
  '../client/',
  ...CLI_ACCESS,
  ...GROUND,
]

/** What `weir doctor` asks of the parts: how each of them meets what it depends on. */
const EXAMINED = [
  'access/probe.ts',
  'assembly/kafkaConfig.ts',
  'assembly/topics.ts',
  'quota/redis.ts',
  'transport/native.ts',
  'usage/inspect.ts',
  'usage/kafkaSink.ts',
]

/** Between the heart and the edge: parts that never know each other. */
const SIDE = { may: ['stream/', 'drivers/', 'package.ts', ...GROUND], types: CONTRACTS }

export const LAYERS: readonly Layer[] = [
  { from: 'errors.ts', may: [] },
  { from: 'clock.ts', may: [] },
  { from: 'package.ts', may: [] },
  { from: 'eventual.ts', may: [] },
  { from: 'log.ts', may: ['clock.ts'] },
  { from: 'metrics.ts', may: ['processMetrics.ts', 'errors.ts', 'clock.ts', 'log.ts'] },
  { from: 'processMetrics.ts', may: ['package.ts'], types: ['metrics.ts'] },
  { from: 'rawMember.ts', may: [] },
  { from: 'config.ts', may: ['config/', 'drivers/', 'package.ts', ...GROUND] },
  { from: 'config/', may: ['drivers/', 'package.ts', ...GROUND] },
  { from: 'drivers/', may: GROUND },

  { from: 'stream/', may: ['errors.ts'], types: ['clock.ts', ...CONTRACTS], outside: false },
  { from: 'catalog/', may: ['drivers/', 'package.ts', ...GROUND] },
  { from: 'source/', ...SIDE },
  { from: 'transport/', ...SIDE },
  { from: 'access/', ...SIDE },
  { from: 'quota/', ...SIDE },
  { from: 'usage/', ...SIDE },
  { from: 'billing/', may: SIDE.may, types: [...CONTRACTS, 'usage/'] },
  // Pages for people: from the Plan alone, with the files that browsers load.
  { from: 'portal/', may: ['errors.ts', 'package.ts', 'rawMember.ts', '../client/', '../portal/'], types: CONTRACTS },
  { from: 'control/', may: SIDE.may, types: [...CONTRACTS, 'usage/'] },

  // Processes on one port: the supervisor serves nobody, so it loads nothing that does.
  { from: 'workers/', may: ['config.ts', 'config/', 'control/', 'catalog/plan.ts', ...GROUND] },

  { from: 'plugin.ts', may: ['errors.ts', 'clock.ts'], types: ['stream/', ...CONTRACTS] },
  { from: '../plugins/', may: ['plugin.ts', 'errors.ts', 'clock.ts'] },

  // Parts of the composition: what the embedded log plays.
  { from: 'playback.ts', may: ['rawMember.ts', 'errors.ts', 'clock.ts', 'log.ts', 'stream/'] },
  { from: 'assembly/', may: [''] },
  { from: 'gateway.ts', may: ['', '../plugins/'] },
  // The commands of the process edge: they build nothing that serves.
  // `usage` asks the ledger itself: finance has its report without a running gateway.
  { from: 'cli/', may: CLI },
  { from: 'cli/doctor/', may: ['cli/', 'drivers/', ...CLI, ...EXAMINED] },
  // For other programs: it knows nothing of ours, of Node or of any package.
  { from: '../client/', may: [], outside: false },
  // In the reader's browser: the client, and what it shows of a stream.
  { from: '../portal/', may: ['../client/', 'rawMember.ts'], outside: false },
  { from: 'main.ts', may: ['gateway.ts', 'cli/', 'workers/', 'config.ts', 'package.ts', ...GROUND] },
]

/** Files that may read the clock, make random numbers, set timers and read the environment. */
export const EDGES: readonly string[] = ['gateway/clock.ts', 'gateway/config.ts', 'gateway/main.ts', 'client/clock.ts']

export const LINES_MAX = 400
