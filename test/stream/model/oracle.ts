import assert from 'node:assert/strict'
import { decodeCursor, isFault, type Cursor } from '../../../gateway/stream/cursor.ts'
import type { SubscriptionEvent } from '../../../gateway/stream/outlet.ts'
import type { Incarnation, ModelLog, ModelPartition, Written } from './log.ts'
import type { RecordFrame } from './socket.ts'

/**
 * What one subscription must be told: the log from its cursor, each partition in offset order, nothing twice, nothing
 * left out but what its view hides, what is older than its start by time, and what a gap said.
 */
export class Oracle {
  epoch = 0
  /** Next expected offset a partition; `-T` where none is known yet. */
  expected: number[] = []
  received = 0
  readonly #log: ModelLog
  readonly #tag: number
  readonly #shows: (uid: number) => boolean
  readonly #notBefore: number

  constructor(log: ModelLog, tag: number, shows: (uid: number) => boolean, notBefore: number) {
    this.#log = log
    this.#tag = tag
    this.#shows = shows
    this.#notBefore = notBefore
  }

  begin(cursor: Cursor): void {
    this.epoch = cursor.epoch
    this.expected = [...cursor.vector]
  }

  record(frame: RecordFrame): void {
    assert.equal(frame.cursor, frame.again)
    const { epoch, partition, offset } = placeOf(frame.id)
    assert.equal(epoch, this.epoch, `${frame.id} is of another log`)
    const written = this.#partition(partition).find(offset)
    assert.ok(written, `${frame.id} never was in the log`)
    // A broken record, where a filter applies, is told without its content.
    if (frame.data ?? frame.bytes) assert.equal(uidIn(frame), written.uid, `${frame.id} is another record`)
    else assert.equal(frame.type, 'invalid')
    assert.ok(this.#isDue(written), `${frame.id} was not to be shown`)
    this.#pass(partition, offset)
    this.expected[partition] = offset + 1
    this.received++
    if (frame.cursor === null) return
    const cursor = this.position(frame.cursor)
    assert.equal(cursor.vector[partition], offset + 1, 'a cursor is the position after its record')
  }

  /** A cursor names the place up to which everything was told. */
  position(text: string): Cursor {
    const cursor = this.decode(text)
    assert.equal(cursor.epoch, this.epoch)
    this.#moveTo(cursor, (partition, to) => this.#pass(partition, to))
    return cursor
  }

  gap(event: Extract<SubscriptionEvent, { type: 'gap' }>): void {
    const cursor = this.decode(event.cursor)
    if (event.reason === 'reset') return this.#reset(cursor)
    assert.equal(event.reason, 'retention')
    assert.equal(cursor.epoch, this.epoch)
    let missed = 0
    this.#moveTo(cursor, (partition, to) => {
      const { start } = this.#partition(partition)
      const lost = this.#missing(partition, to)
      for (const { record } of lost) assert.ok(record.offset < start, `${partition}-${record.offset} is still there`)
      missed += lost.length
    })
    assert.ok(missed <= event.offsets, `${missed} records are lost, the gap says at most ${event.offsets}`)
  }

  /** What is still to come of the newest log, as the subscription should know it. */
  owed(): string[] {
    return this.#incarnation.partitions.flatMap((_, partition) =>
      this.#missing(partition, Number.POSITIVE_INFINITY).map(({ record }) => `${partition}-${record.offset}`),
    )
  }

  /** Goes on in another log: whatever of that lies before the new cursor was passed in the old one. */
  #reset(cursor: Cursor): void {
    const old = this.#incarnation
    const before = this.expected
    this.begin(cursor)
    const passed = new Set(old.partitions.flatMap((one, p) => passedIn(one, before[p] ?? 0)))
    const known = new Set(old.partitions.flatMap((one) => one.written.map(({ uid }) => uid)))
    this.#incarnation.partitions.forEach((one, partition) => {
      const next = cursor.vector[partition] ?? 0
      const skipped = next < 0 ? one.written.filter(({ record }) => record.time < -next) : one.between(0, next)
      for (const { uid, record } of skipped) {
        // A node that has not heard of the newer log yet may show the older one, whose last records the newer one never had.
        const excused = record.offset < one.start || !this.#shows(uid) || (this.epoch < old.epoch && !known.has(uid))
        assert.ok(excused || passed.has(uid), `the reset skips record ${uid}`)
      }
    })
  }

  #moveTo({ vector }: Cursor, pass: (partition: number, to: number) => void): void {
    for (let partition = 0; partition < Math.max(vector.length, this.expected.length); partition++) {
      const from = this.expected[partition] ?? 0
      const to = vector[partition] ?? 0
      if (to === from) continue
      assert.ok(to >= 0, `partition ${partition} was at ${from} and is unresolved`)
      pass(partition, to)
      this.expected[partition] = to
    }
  }

  #pass(partition: number, to: number): void {
    const from = this.expected[partition] ?? 0
    assert.ok(to >= from, `partition ${partition} goes back from ${from} to ${to}`)
    const left = this.#missing(partition, to)
    assert.equal(left.length, 0, `${partition}-${left[0]?.record.offset ?? 0} is left out`)
  }

  /** Records before `to` that the client should have had. */
  #missing(partition: number, to: number): Written[] {
    const one = this.#partition(partition)
    const expected = this.expected[partition] ?? 0
    if (expected >= 0) return one.between(expected, to).filter((written) => this.#isDue(written))
    // It is found by time among what is kept by then: what was dropped before anybody could say where it lies is not missed.
    const from = one.offsetOf(-expected)
    return one.between(from, to).filter((written) => this.#isDue(written))
  }

  #isDue({ uid, record }: Written): boolean {
    return this.#shows(uid) && record.time >= this.#notBefore
  }

  #partition(partition: number): ModelPartition {
    const found = this.#incarnation.partitions[partition]
    assert.ok(found, `there is no partition ${partition} in epoch ${this.epoch}`)
    return found
  }

  get #incarnation(): Incarnation {
    const found = this.#log.incarnations.find(({ epoch }) => epoch === this.epoch)
    assert.ok(found, `there never was an epoch ${this.epoch}`)
    return found
  }

  decode(text: string): Cursor {
    const cursor = decodeCursor(text, this.#tag)
    assert.ok(!isFault(cursor), `${text} is ${cursor as string}`)
    return cursor
  }
}

function passedIn(partition: ModelPartition, expected: number): number[] {
  const passed =
    expected < 0 ? partition.written.filter(({ record }) => record.time < -expected) : partition.between(0, expected)
  return passed.map(({ uid }) => uid)
}

function uidIn({ data, bytes }: RecordFrame): number | undefined {
  const content = data ?? (JSON.parse(Buffer.from(bytes ?? '', 'base64').toString()) as RecordFrame['data'])
  return content?.uid
}

function placeOf(id: string): { readonly epoch: number; readonly partition: number; readonly offset: number } {
  const parts = /^(?:(\d+)\.)?(\d+)-(\d+)$/.exec(id)
  assert.ok(parts, `${id} is no record's id`)
  return { epoch: Number(parts[1] ?? 0), partition: Number(parts[2]), offset: Number(parts[3]) }
}
