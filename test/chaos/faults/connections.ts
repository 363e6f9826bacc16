import type { Link, Toxic } from '../../services/toxiproxy.ts'
import type { Fault } from '../fault.ts'
import { Stage } from '../stage.ts'
import type { Road } from '../world.ts'

/** How a toxic is set anew from time to time. */
interface Kind {
  readonly name: KindName
  readonly what: string
  readonly toxics: (between: (min: number, max: number) => number) => readonly Toxic[]
}

const ROUNDS = 6
const ROUND_MS_MAX = 500
const ID = 'toxic'

type KindName = 'cut' | 'reset' | 'slow'

const KINDS: readonly Kind[] = [
  {
    name: 'cut',
    what: 'connections end after a random number of bytes, anywhere in a frame (`limit_data`)',
    toxics: (between) => [
      { type: 'limit_data', stream: 'downstream', attributes: { bytes: between(200, 40_000) } },
      { type: 'limit_data', stream: 'upstream', attributes: { bytes: between(600, 20_000) }, toxicity: 0.3 },
    ],
  },
  {
    name: 'reset',
    what: 'connections are reset after a random time (`reset_peer`)',
    toxics: (between) => [{ type: 'reset_peer', stream: 'downstream', attributes: { timeout: between(0, 300) } }],
  },
  {
    name: 'slow',
    what: 'bytes come late, in slices and at 20 to 200 KB a second (`latency`, `slicer`, `bandwidth`)',
    toxics: (between) => [
      { type: 'latency', stream: 'downstream', attributes: { latency: between(5, 120), jitter: between(0, 5) } },
      {
        type: 'slicer',
        stream: 'downstream',
        attributes: { average_size: between(50, 800), size_variation: 40, delay: 200 },
      },
      { type: 'bandwidth', stream: 'downstream', attributes: { rate: between(20, 200) } },
    ],
  },
]

/** Every kind on both sides of the gateways: between them and their clients, and between them and the brokers. */
export const connectionFaults: readonly Fault[] = KINDS.flatMap(bothSides)

/** A kind on the one side and the same on the other: they spoil different proxies, and can happen at once. */
export function pairsOf(...names: readonly KindName[]): readonly (readonly Fault[])[] {
  return KINDS.filter(({ name }) => names.includes(name)).map(bothSides)
}

function bothSides(kind: Kind): readonly Fault[] {
  return [
    faultOf(kind, 'clients', 'direct', 'between clients and gateways'),
    faultOf(kind, 'kafka', 'proxied', 'between gateways and brokers'),
  ]
}

function faultOf(kind: Kind, side: string, road: Road, where: string): Fault {
  return {
    name: `${side}-${kind.name}`,
    what: `${where}: ${kind.what}`,
    async run(world, seed) {
      const stage = await Stage.open(world, seed, { road })
      const links = side === 'clients' ? stage.doors.map(({ link }) => link) : world.brokerLinks
      stage.flow()
      for (let round = 0; round < ROUNDS; round++) await spoiled(stage, links, kind)
      return await stage.verdict()
    },
  }
}

/** For a while; between two such times connections come up whole. */
async function spoiled(stage: Stage, links: readonly Link[], { toxics }: Kind): Promise<void> {
  const set = toxics((min, max) => stage.between(min, max))
  for (const link of links) for (const [i, toxic] of set.entries()) await link.spoil(`${ID}-${i}`, toxic)
  await stage.pass(ROUND_MS_MAX)
  // The last one first: what a toxic holds back goes through those behind it before it is gone.
  for (const link of links) for (const i of [...set.keys()].reverse()) await link.mend(`${ID}-${i}`)
  await stage.pass(ROUND_MS_MAX / 3)
}
