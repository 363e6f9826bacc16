import { readFileSync, statSync } from 'node:fs'
import type { Clock, Timer } from './clock.ts'
import { Fault } from './errors.ts'
import { rawMember } from './rawMember.ts'
import { NO_HEADERS, type Header } from './stream/record.ts'

/*
 * Embedded mode: recorded records, played into the embedded log without end.
 *
 *   past   … r0 r1 r2 … rN │ r0 r1 r2 … rN r0 …   future
 *          history, at once │ one each interval, on the clock
 *
 * The sequence of (topic, key, value) is the recording's own, again and again; only time stamps depend on the start.
 */

/** What playback needs of the log. */
export interface PlaybackLog {
  createTopic(topic: string, partitions: number): void
  append(topic: string, record: PlaybackRecord & { readonly time: number }): unknown
}

export interface PlaybackRecord {
  readonly key: Uint8Array | null
  /** The JSON as it stands in the recording, byte for byte; `null` (in JSON) is a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

export interface Recording {
  readonly topic: string
  readonly partitions: number
  readonly records: readonly PlaybackRecord[]
}

export interface PlaybackOptions {
  readonly recordings: readonly Recording[]
  readonly log: PlaybackLog
  /** Of each recording. */
  readonly recordsPerSecond: number
  readonly clock: Clock
}

/** Above it a file is refused: a recording is held in memory whole. */
export const RECORDING_BYTES_MAX = 64 * 1024 * 1024

/** A process that was suspended makes good at most this much; the time beyond it is left out, never a record. */
const CATCH_UP_MS_MAX = 1_000
/** Faster recordings play several records a tick. */
const TICK_MS_MIN = 20

/** Creates the topics, writes each recording once as history that ends now, and plays on until `stop`. */
export function startPlayback({ recordings, log, recordsPerSecond, clock }: PlaybackOptions): { stop(): void } {
  const intervalMs = 1000 / recordsPerSecond
  const timers = recordings.map((recording) => {
    log.createTopic(recording.topic, recording.partitions)
    writeHistory(recording, log, intervalMs, clock.now())
    return play(recording, log, intervalMs, clock)
  })
  return { stop: () => timers.forEach((timer) => timer.cancel()) }
}

function writeHistory({ topic, records }: Recording, log: PlaybackLog, intervalMs: number, now: number): void {
  for (const [i, record] of records.entries()) {
    log.append(topic, { ...record, time: Math.floor(now - (records.length - 1 - i) * intervalMs) })
  }
}

function play({ topic, records }: Recording, log: PlaybackLog, intervalMs: number, clock: Clock): Timer {
  const catchUpMax = Math.max(1, Math.floor(CATCH_UP_MS_MAX / intervalMs))
  let began = clock.monotonic()
  let played = 0
  return clock.every(Math.max(TICK_MS_MIN, intervalMs), () => {
    // A timer may fire a hair early by the monotonic clock; the half keeps its record in its own tick.
    const due = Math.floor((clock.monotonic() - began) / intervalMs + 0.5) - played
    const count = Math.min(due, catchUpMax)
    if (due > count) began += (due - count) * intervalMs
    for (let i = 0; i < count; i++, played++) {
      const record = records[played % records.length]
      if (record) log.append(topic, { ...record, time: clock.now() })
    }
  })
}

/**
 * Reads what was recorded of one stream: NDJSON of `{"key", "value", "headers"?, "time"?, "topic"?}`, with `base64` in place of `value` where payloads are no
 * JSON. A line without `topic` belongs to the first of the stream's topics. Throws a usage `Fault` that names the line.
 */
export function readRecordings(topics: readonly string[], partitions: number, file: string): readonly Recording[] {
  const bytes = statSync(file).size
  if (bytes > RECORDING_BYTES_MAX) {
    throw new Fault('usage', `${file}: ${bytes} bytes, more than the ${RECORDING_BYTES_MAX} of a recording; cut it.`)
  }
  const byTopic = new Map<string, PlaybackRecord[]>(topics.map((topic) => [topic, []]))
  for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (line.trim() === '') continue
    const place = `${file}:${i + 1}`
    const { topic = topics[0], ...parsed } = parseObject(line, place)
    const records = byTopic.get(String(topic))
    if (!records) throw new Fault('usage', `${place}: "topic" is none of the stream's: ${topics.join(', ')}.`)
    records.push(recordOf(line, parsed, place))
  }
  return [...byTopic].flatMap(([topic, records]) => (records.length === 0 ? [] : [{ topic, partitions, records }]))
}

const utf8 = new TextEncoder()

function recordOf(
  line: string,
  { key, headers, base64 }: { readonly [name: string]: unknown },
  place: string,
): PlaybackRecord {
  const json = rawMember(line, 'value')
  if (json === null && typeof base64 !== 'string')
    throw new Fault('usage', `${place}: a record needs a "value" or "base64"; a "value" of null is a tombstone.`)
  if (key !== undefined && key !== null && typeof key !== 'string') {
    throw new Fault('usage', `${place}: "key" must be a text or null.`)
  }
  return {
    key: typeof key === 'string' ? utf8.encode(key) : null,
    value: json === null ? Buffer.from(String(base64), 'base64') : json === 'null' ? null : utf8.encode(json),
    headers: parseHeaders(headers, place),
  }
}

function parseObject(line: string, place: string): { readonly [name: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed }
  } catch (error) {
    throw new Fault('usage', `${place}: this line is not JSON: ${(error as Error).message}`, { cause: error })
  }
  throw new Fault('usage', `${place}: a record must be an object with "key" and "value".`)
}

function parseHeaders(headers: unknown, place: string): readonly Header[] {
  if (headers === undefined || headers === null) return NO_HEADERS
  const entries = typeof headers === 'object' && !Array.isArray(headers) ? Object.entries(headers) : null
  if (!entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw new Fault('usage', `${place}: "headers" must be an object of texts.`)
  }
  return entries.map(([name, text]) => [name, utf8.encode(text)] as const)
}
