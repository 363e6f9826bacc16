import { setTimeout as later } from 'node:timers/promises'
import { seeded } from '../integration/support/random.ts'
import { until } from '../integration/support/until.ts'
import type { TransportName } from './connections.ts'
import { streamOf } from './document.ts'
import { TopicHistory } from './history.ts'
import { judge, type Event, type Verdict } from './oracle.ts'
import { Partner } from './partner.ts'
import { Writer } from './writer.ts'
import type { Door, Road, World } from './world.ts'

export interface StageOptions {
  readonly road?: Road
  readonly partitions?: number
  /** Nodes by partition; default all three brokers hold each. */
  readonly replicas?: readonly (readonly number[])[]
  readonly config?: { readonly [name: string]: string }
  /** Of what the flow writes. */
  readonly padMax?: number
  readonly acks?: -1 | 1
}

/** What a run of a fault came to. */
export interface Outcome extends Verdict {
  readonly connections: number
  /** What made the run worth nothing, or should not have been: no fault of order or delivery. */
  readonly troubles: readonly string[]
}

const PARTITIONS = 3
const SETTLED_MS_MAX = 60_000
const FLOW_BATCH_MAX = 12
const FLOW_PAUSE_MS_MAX = 40

/** Who reads: some stay until they are cut, some come and go, some ask for pages. Of each run they are the same, the rest is chance. */
const CAST: readonly (readonly [name: string, transports: readonly TransportName[], lifeRecordsMax?: number])[] = [
  ['ws', ['websocket']],
  ['sse', ['sse']],
  ['ndjson', ['ndjson']],
  ['pages', ['page']],
  ['restless', ['websocket', 'sse', 'ndjson', 'page'], 80],
  ['resting', ['websocket', 'sse', 'ndjson'], 400],
]

/** One run of one fault: a topic, its partners, what is written and what happens meanwhile, and in the end a verdict. */
export class Stage {
  readonly world: World
  readonly topic: string
  readonly doors: readonly Door[]
  readonly random: () => number
  readonly writer: Writer
  readonly partners: readonly Partner[]
  readonly history = new TopicHistory()
  /** Of the log that the next snapshot is of. */
  epoch = 0
  partitions: number
  /** Kafka may lose what only one broker acknowledged. */
  mayLose = false
  readonly #options: StageOptions
  #flowing: Promise<void> = Promise.resolve()
  #flows = false

  private constructor(world: World, seed: number, options: StageOptions, doors: readonly Door[], token: string) {
    const { run, topic } = world.take()
    this.world = world
    this.topic = topic
    this.doors = doors
    this.random = seeded(seed)
    this.partitions = options.replicas?.length ?? options.partitions ?? PARTITIONS
    this.#options = options
    this.writer = new Writer(world.kafka.brokers, topic, this.random)
    const urls = doors.map((door) => door.streamUrl(run))
    this.partners = CAST.map(([name, transports, lifeRecordsMax], i) => {
      const random = seeded(seed * 31 + i + 1)
      const life = lifeRecordsMax === undefined ? {} : { lifeRecordsMax }
      return new Partner({ name, stream: streamOf(run), urls, token, random, transports, ...life })
    })
  }

  /** The topic is made, everybody reads, and something was read by everybody. */
  static async open(world: World, seed: number, options: StageOptions = {}): Promise<Stage> {
    const doors = await world.doors(options.road ?? 'direct')
    const stage = new Stage(world, seed, options, doors, await world.token())
    await stage.makeTopic(options.partitions)
    for (const partner of stage.partners) partner.start()
    await stage.write(30)
    await stage.readTo()
    return stage
  }

  async makeTopic(partitions = PARTITIONS): Promise<void> {
    const { replicas, config = {} } = this.#options
    const layout = replicas
      ? { replicaAssignment: replicas.map((nodes, partition) => ({ partition, replicas: [...nodes] })) }
      : { numPartitions: partitions, replicationFactor: 3 }
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const topics = [{ topic: this.topic, ...layout, configEntries }]
    // kafkajs answers false where the topic is there, as it is for a moment after its deletion.
    await until(`topic ${this.topic}`, () => this.world.admin.createTopics({ topics, waitForLeaders: false }), 30_000)
    await this.untilLed()
  }

  /** Every partition has a leader that knows of it. */
  async untilLed(): Promise<void> {
    const led = async (): Promise<boolean> => {
      try {
        return (await this.world.admin.fetchTopicOffsets(this.topic)).length >= this.partitions
      } catch {
        return false
      }
    }
    await until(`leaders of ${this.topic}`, led, 30_000)
  }

  async leaderOf(partition: number): Promise<number> {
    const { topics } = await this.world.admin.fetchTopicMetadata({ topics: [this.topic] })
    return topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? -1
  }

  async inSync(partition: number): Promise<readonly number[]> {
    const { topics } = await this.world.admin.fetchTopicMetadata({ topics: [this.topic] })
    return topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.isr ?? []
  }

  async write(count: number): Promise<void> {
    await this.writer.write(count, this.partitions, this.#options.padMax, this.#options.acks)
  }

  /** Writes on in small batches until `ebb`. */
  flow(): void {
    this.#flows = true
    this.#flowing = (async () => {
      while (this.#flows) {
        await this.write(1 + Math.floor(this.random() * FLOW_BATCH_MAX))
        await later(this.random() * FLOW_PAUSE_MS_MAX)
      }
    })()
    // Whoever waits for its end is told.
    this.#flowing.catch(() => undefined)
  }

  async ebb(): Promise<void> {
    this.#flows = false
    await this.#flowing
  }

  /** Lets so much time pass, more or less, in which the flow goes on. */
  async pass(msMax: number): Promise<void> {
    await later(msMax * (0.5 + this.random() / 2))
  }

  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  /** Writes down what the log holds now. */
  async snapshot(): Promise<void> {
    this.history.add(this.epoch, await this.world.readBack.snapshot(this.topic))
  }

  /** Everybody has come to the end of what the log holds now; answers who has not. */
  async readTo(partners: readonly Partner[] = this.partners): Promise<string[]> {
    await this.snapshot()
    const behind = (): string[] =>
      partners.filter((partner) => !this.#isThere(partner)).map((partner) => shown(partner))
    try {
      await until('all', () => behind().length === 0, SETTLED_MS_MAX)
      return []
    } catch {
      return behind()
    }
  }

  /** Ends the run. */
  async verdict(): Promise<Outcome> {
    await this.ebb()
    const behind = await this.readTo()
    await Promise.all(this.partners.map((partner) => partner.stop()))
    await this.writer.renew()
    const heard = new Map<string, readonly Event[]>(this.partners.map(({ name, events }) => [name, events]))
    const verdict = judge(this.history, this.writer.aborted, heard)
    const { counts, examples, records, gaps } = verdict
    const connections = this.partners.reduce((sum, partner) => sum + partner.connections, 0)
    const troubles = [
      ...this.partners.flatMap((partner) => partner.troubles),
      ...behind.map((who) => `not at the end: ${who}`),
      ...this.#unaccounted(),
    ]
    return { counts, examples, records, gaps, connections, troubles }
  }

  /** Of a fault that these have to be told of by a gap: who was not told shows that nothing happened. */
  proved(outcome: Outcome, partners: readonly Partner[] = this.partners): Outcome {
    const untold = partners.filter(({ events }) => !events.some(({ type }) => type === 'gap'))
    return { ...outcome, troubles: [...outcome.troubles, ...untold.map(({ name }) => `${name} was told of no gap`)] }
  }

  /** What was acknowledged and never read back would make the truth too small. */
  #unaccounted(): string[] {
    if (this.mayLose) return []
    const lost = [...this.writer.acknowledged].filter((uid) => !this.history.everHeld(uid))
    return lost.length === 0 ? [] : [`acknowledged, but never read back: ${lost.length}, as ${lost[0]}`]
  }

  #isThere({ place }: Partner): boolean {
    if (place === null || place.epoch !== this.epoch) return false
    return this.history.now.every(({ last }, partition) => {
      const newest = Math.max(-1, ...(last?.records.keys() ?? []))
      return (place.next[partition] ?? 0) > newest
    })
  }
}

function shown({ name, place, connections, events }: Partner): string {
  return `${name} at ${JSON.stringify(place)} after ${connections} connections and ${events.length} events`
}
