import listOffsetsRequest from 'kafkajs/src/protocol/requests/listOffsets/v3/request.js'
import {
  NOT_A_REPLICA,
  OFFSET_FOR_LEADER_EPOCH,
  READ_COMMITTED,
  exchange,
  type Exchange,
  type Throttled,
} from './protocol.ts'
import { Reader } from './reader.ts'

/** `timestamp` for `listOffsets`, beside ms since 1970. */
export const EARLIEST = -2
export const LATEST = -1

export interface OffsetQuery {
  readonly partition: number
  readonly timestamp: number
}

export interface ListedOffset {
  readonly partition: number
  readonly code: number
  /** -1: no record is that late. */
  readonly offset: number
}

export interface ListedOffsets extends Throttled {
  readonly offsets: readonly ListedOffset[]
}

/** With READ_COMMITTED, so the latest is the last stable offset. */
export function listOffsets(topic: string, partitions: readonly OffsetQuery[]): Exchange<ListedOffsets> {
  const topics = [{ topic, partitions }]
  const request = listOffsetsRequest({ replicaId: NOT_A_REPLICA, isolationLevel: READ_COMMITTED, topics })
  return { request, decode: (payload) => readListedOffsets(new Reader(payload)) }
}

function readListedOffsets(reader: Reader): ListedOffsets {
  const throttleMs = reader.int32()
  const topics = reader.array((one) => {
    one.string()
    return one.array(readListedOffset)
  })
  return { throttleMs, offsets: topics.flat() }
}

function readListedOffset(reader: Reader): ListedOffset {
  const partition = reader.int32()
  const code = reader.int16()
  reader.int64()
  return { partition, code, offset: reader.int64() }
}

export interface EpochQuery {
  readonly partition: number
  /** The leader's that is asked, as metadata told it: another one refuses. */
  readonly currentLeaderEpoch: number
  /** Of the last record that was read. */
  readonly leaderEpoch: number
}

export interface EpochEnd {
  readonly partition: number
  readonly code: number
  /** Where in the leader's log the records of that leader epoch, or of the nearest before it, end; -1 unknown. */
  readonly endOffset: number
}

export interface EpochEnds extends Throttled {
  readonly ends: readonly EpochEnd[]
}

/** How far the log of a leader agrees with what was read under earlier ones (KIP-101, KIP-320). */
export function epochEnds(topic: string, queries: readonly EpochQuery[]): Exchange<EpochEnds> {
  return exchange(
    OFFSET_FOR_LEADER_EPOCH,
    3,
    false,
    (writer) => {
      writer.int32(NOT_A_REPLICA).array([topic], (name) => {
        writer.string(name).array(queries, ({ partition, currentLeaderEpoch, leaderEpoch }) => {
          writer.int32(partition).int32(currentLeaderEpoch).int32(leaderEpoch)
        })
      })
    },
    (reader) => {
      const throttleMs = reader.int32()
      const topics = reader.array((one) => {
        one.string()
        return one.array(readEpochEnd)
      })
      return { throttleMs, ends: topics.flat() }
    },
  )
}

function readEpochEnd(reader: Reader): EpochEnd {
  const code = reader.int16()
  const partition = reader.int32()
  reader.int32()
  return { partition, code, endOffset: reader.int64() }
}
