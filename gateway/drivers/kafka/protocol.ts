import type { Request } from 'kafkajs/src/protocol/request.js'
import apiVersionsRequest from 'kafkajs/src/protocol/requests/apiVersions/v0/request.js'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/**
 * One request and how its answer is read. kafkajs writes some of the requests; all answers are read here, because it
 * turns the error of one partition into a failure of the whole answer.
 */
export interface Exchange<T> {
  readonly request: FramedRequest
  decode(payload: Buffer): T
}

/** Its version may depend on what the broker speaks. */
export type Question<T> = Exchange<T> | ((versions: ApiVersions) => Exchange<T>)

export interface FramedRequest extends Pick<Request, 'apiKey' | 'apiVersion' | 'apiName'> {
  /** Its head ends with tagged fields as well (KIP-482). */
  readonly flexible?: boolean
  encode(): Promise<{ readonly buffer: Buffer }>
}

/** An answer that may ask to be left alone for a while (KIP-219). */
export interface Throttled {
  readonly throttleMs: number
}

export interface Api {
  readonly key: number
  readonly name: string
}

export const READ_COMMITTED = 1
export const NOT_A_REPLICA = -1

/** An exchange written and read by ourselves, in a version that is flexible or not. */
export function exchange<T>(
  api: Api,
  apiVersion: number,
  flexible: boolean,
  write: (writer: Writer) => void,
  read: (reader: Reader) => T,
): Exchange<T> {
  const request = {
    apiKey: api.key,
    apiName: api.name,
    apiVersion,
    flexible,
    encode: async () => {
      const writer = new Writer(flexible)
      write(writer)
      return writer
    },
  }
  const decode = (payload: Buffer): T => {
    const reader = new Reader(payload, flexible)
    reader.tags()
    return read(reader)
  }
  return { request, decode }
}

export interface ApiVersion {
  readonly minVersion: number
  readonly maxVersion: number
}

export type ApiVersions = { readonly [apiKey: number]: ApiVersion }

export function speaks(versions: ApiVersions, { key }: Api, version: number): boolean {
  const range = versions[key]
  return range !== undefined && range.minVersion <= version && version <= range.maxVersion
}

export function apiVersions(): Exchange<ApiVersions> {
  return { request: apiVersionsRequest(), decode: (payload) => readApiVersions(new Reader(payload)) }
}

function readApiVersions(reader: Reader): ApiVersions {
  reader.int16()
  const versions: { [apiKey: number]: ApiVersion } = {}
  reader.array((one) => {
    const apiKey = one.int16()
    versions[apiKey] = { minVersion: one.int16(), maxVersion: one.int16() }
  })
  return versions
}

export const FETCH: Api = { key: 1, name: 'Fetch' }
export const LIST_OFFSETS: Api = { key: 2, name: 'ListOffsets' }
export const METADATA: Api = { key: 3, name: 'Metadata' }
export const DESCRIBE_CONFIGS: Api = { key: 32, name: 'DescribeConfigs' }
export const OFFSET_FOR_LEADER_EPOCH: Api = { key: 23, name: 'OffsetForLeaderEpoch' }

/** What every broker must speak; where it can more, topics are asked for by their id. */
export const NEEDED: readonly { readonly api: Api; readonly version: number }[] = [
  { api: FETCH, version: 11 },
  { api: LIST_OFFSETS, version: 3 },
  { api: METADATA, version: 7 },
  { api: OFFSET_FOR_LEADER_EPOCH, version: 3 },
]
