import { KAFKA_CODE } from './errors.ts'
import {
  canFetchById,
  fetchBy,
  type Fetched,
  type FetchedPartition,
  type FetchPartition,
  type FetchQuery,
  type FetchTopic,
  type ForgottenTopic,
  type SessionStep,
} from './fetch.ts'
import type { ApiVersions, Exchange, Question } from './protocol.ts'

/** A partition that is fetched again and again, and from where now. */
export interface FetchPlace {
  readonly topic: string
  readonly topicId: string | null
  readonly partition: number
  readonly fetchOffset: number
  readonly leaderEpoch: number
}

/** The same for each fetch of a session. */
export interface FetchLimits {
  readonly maxWaitMs: number
  /** Of the whole answer. */
  readonly maxBytes: number
  readonly partitionBytesMax: number
}

export interface Polled<P> {
  readonly code: number
  /** Places that are not among them have nothing new. */
  readonly answers: readonly (readonly [P, FetchedPartition])[]
}

/** What the broker was told of a place last. */
interface Told {
  fetchOffset: number
  leaderEpoch: number
  /** When it was wanted last. */
  round: number
}

const NO_SESSION = 0
const FIRST_EPOCH = 0
const EPOCH_MAX = 0x7fffffff

const ENDED: readonly number[] = [
  KAFKA_CODE.fetchSessionGone,
  KAFKA_CODE.fetchSessionEpoch,
  KAFKA_CODE.fetchSessionTopicId,
]

/**
 * Fetches many places of one broker time and again. The broker keeps what it was asked for (KIP-227), so that a fetch
 * says only what has changed since the last one, and its answer only what is new:
 *
 *   none --all asked for, all answered--> kept --each fetch the next number--> kept --refused, no answer--> none
 *
 * A broker that keeps nothing, as it has too many or never does, is asked for all each time. One fetch at a time.
 */
export class FetchSession<P extends FetchPlace> {
  readonly #limits: FetchLimits
  #id = NO_SESSION
  #epoch = FIRST_EPOCH
  #byId = false
  #round = 0
  readonly #told = new Map<P, Told>()
  /** By the topic's id, or its name where the broker takes no ids, and the partition's number. */
  readonly #places = new Map<string, Map<number, P>>()

  constructor(limits: FetchLimits) {
    this.#limits = limits
  }

  /** Asks for what is new at these places, no two of which name the same partition. Throws what `ask` throws. */
  async poll(wanted: readonly P[], ask: (question: Question<Fetched>) => Promise<Fetched>): Promise<Polled<P>> {
    const question = (versions: ApiVersions): Exchange<Fetched> => this.#exchange(wanted, canFetchById(versions))
    try {
      let fetched = await ask(question)
      if (ENDED.includes(fetched.code)) {
        this.#end()
        fetched = await ask(question)
      }
      const answers = this.#answers(fetched)
      this.#step(fetched, answers.length)
      return { code: fetched.code, answers }
    } catch (error) {
      this.#end()
      throw error
    }
  }

  #exchange(wanted: readonly P[], canFetchById: boolean): Exchange<Fetched> {
    const byId = canFetchById && wanted.every(({ topicId }) => topicId !== null)
    if (this.#id === NO_SESSION || byId !== this.#byId) {
      this.#end()
      this.#byId = byId
    }
    const step = { id: this.#id, epoch: this.#epoch }
    const changed = this.#changed(wanted)
    const forgotten = this.#forget(wanted.length)
    return fetchBy(byId, this.#query(step, changed, forgotten))
  }

  #query(step: Omit<SessionStep, 'forgotten'>, changed: readonly P[], forgotten: readonly P[]): FetchQuery {
    const { maxWaitMs, maxBytes, partitionBytesMax } = this.#limits
    const topics = this.#byTopic(changed).map((places): FetchTopic => {
      const partitions = places.map((place): FetchPartition => {
        const { partition, fetchOffset, leaderEpoch } = place
        return { partition, fetchOffset, maxBytes: partitionBytesMax, leaderEpoch }
      })
      return { topic: places[0]!.topic, id: places[0]!.topicId, partitions }
    })
    const left = this.#byTopic(forgotten).map((places): ForgottenTopic => {
      return {
        topic: places[0]!.topic,
        id: places[0]!.topicId,
        partitions: places.map(({ partition }) => partition),
      }
    })
    return { maxWaitMs, minBytes: 1, maxBytes, topics, session: { ...step, forgotten: left } }
  }

  /** Those of which the broker knows nothing or something else, and has from now on been told. */
  #changed(wanted: readonly P[]): P[] {
    const changed: P[] = []
    const round = ++this.#round
    // All are asked for: the broker fills in the order of asking, so that another one comes first each time. Of what it keeps it turns the order itself.
    const first = this.#id === NO_SESSION ? round % wanted.length : 0
    for (let i = 0; i < wanted.length; i++) {
      const place = wanted[(first + i) % wanted.length]!
      const told = this.#told.get(place)
      if (told === undefined) {
        this.#place(place, round)
      } else {
        told.round = round
        if (told.fetchOffset === place.fetchOffset && told.leaderEpoch === place.leaderEpoch) continue
        told.fetchOffset = place.fetchOffset
        told.leaderEpoch = place.leaderEpoch
      }
      changed.push(place)
    }
    return changed
  }

  /** In the place of another one of the same partition, if there is any: it is not to be forgotten with it. */
  #place(place: P, round: number): void {
    const key = this.#keyOf(place)
    let partitions = this.#places.get(key)
    if (partitions === undefined) this.#places.set(key, (partitions = new Map()))
    const earlier = partitions.get(place.partition)
    if (earlier !== undefined) this.#told.delete(earlier)
    partitions.set(place.partition, place)
    this.#told.set(place, { fetchOffset: place.fetchOffset, leaderEpoch: place.leaderEpoch, round })
  }

  #forget(wanted: number): P[] {
    const forgotten: P[] = []
    if (this.#told.size === wanted) return forgotten
    for (const [place, { round }] of this.#told) {
      if (round === this.#round) continue
      forgotten.push(place)
      this.#told.delete(place)
      const key = this.#keyOf(place)
      const partitions = this.#places.get(key)!
      partitions.delete(place.partition)
      if (partitions.size === 0) this.#places.delete(key)
    }
    return forgotten
  }

  #answers({ topics }: Fetched): (readonly [P, FetchedPartition])[] {
    const answers: (readonly [P, FetchedPartition])[] = []
    for (const { key, partitions } of topics) {
      const places = this.#places.get(key)
      for (const one of partitions) {
        const place = places?.get(one.partition)
        if (place !== undefined) answers.push([place, one])
      }
    }
    return answers
  }

  /** A broker that begins to keep all that it was asked for has answered it all. */
  #step({ code, sessionId }: Fetched, answered: number): void {
    const kept = this.#id !== NO_SESSION || (sessionId !== NO_SESSION && answered === this.#told.size)
    if (code !== KAFKA_CODE.none || !kept) return this.#end()
    this.#id = sessionId
    this.#epoch = this.#epoch === EPOCH_MAX ? FIRST_EPOCH + 1 : this.#epoch + 1
  }

  #end(): void {
    this.#id = NO_SESSION
    this.#epoch = FIRST_EPOCH
    this.#told.clear()
    this.#places.clear()
  }

  #keyOf({ topic, topicId }: P): string {
    return this.#byId ? topicId! : topic
  }

  #byTopic(places: readonly P[]): P[][] {
    const topics = new Map<string, P[]>()
    for (const place of places) {
      const key = this.#keyOf(place)
      const list = topics.get(key)
      if (list === undefined) topics.set(key, [place])
      else list.push(place)
    }
    return [...topics.values()]
  }
}
