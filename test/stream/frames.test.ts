import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Body } from '../../gateway/stream/body.ts'
import { Frames } from '../../gateway/stream/frames.ts'

interface Framed {
  readonly before: string
  readonly body: Body
  readonly behind: string
}

const bodies: fc.Arbitrary<Body> = fc
  .record({
    head: fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string()),
    json: fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 9_000, maxLength: 30_000 })),
    tail: fc.constantFrom('}' as const, '' as const),
    type: fc.constantFrom('record' as const, 'raw' as const, 'invalid' as const),
  })
  .map(({ head, json, tail, type }) => {
    const bytes = Buffer.byteLength(head) + json.byteLength + tail.length
    return { type, form: 'record', id: '0-0', counts: true, head, json, tail, bytes }
  })
const framed: fc.Arbitrary<Framed> = fc.record({
  before: fc.constantFrom('', '{"type":"record","view":1,'),
  body: bodies,
  behind: fc.constantFrom('', '\n', '\n\n'),
})

function bytesOf({ before, body, behind }: Framed): Buffer {
  return Buffer.concat([Buffer.from(before + body.head), body.json, Buffer.from(body.tail + behind)])
}

describe('frames', () => {
  it('are what was added, each by itself and all together, whatever they hold, in memory that others have used', () => {
    fc.assert(
      fc.property(fc.array(fc.array(framed, { maxLength: 8 }), { maxLength: 4 }), (turns) => {
        for (const records of turns) {
          const frames = Frames.take()
          for (const { before, body, behind } of records) frames.add(before, body, behind)
          assert.equal(frames.length, records.length)
          for (const [index, record] of records.entries()) {
            assert.deepEqual(Buffer.from(frames.at(index)), bytesOf(record))
            assert.equal(frames.typeOf(index), record.body.type)
          }
          assert.deepEqual(Buffer.from(frames.whole), Buffer.concat(records.map(bytesOf)))
          assert.equal(frames.bytes, frames.whole.byteLength)
          frames.giveBack()
        }
      }),
      { numRuns: 60 },
    )
  })

  it('two that are under way at once do not touch each other', () => {
    const [one, other] = [Frames.take(), Frames.take()]
    const body: Body = {
      type: 'raw',
      form: 'raw',
      id: '',
      counts: true,
      head: 'a',
      json: Buffer.from('b'),
      tail: '',
      bytes: 2,
    }
    one.add('1', body, '')
    other.add('2', body, '')
    assert.equal(Buffer.from(one.whole).toString() + Buffer.from(other.whole).toString(), '1ab2ab')
    one.giveBack()
    other.giveBack()
  })

  it('memory that was used is used again, but not what one huge record needed', () => {
    const memory = (bytes: number): ArrayBufferLike => {
      const frames = Frames.take()
      const json = new Uint8Array(bytes)
      frames.add('', { type: 'raw', form: 'raw', id: '', counts: true, head: '', json, tail: '', bytes }, '')
      const { buffer } = frames.whole
      frames.giveBack()
      return buffer
    }
    assert.equal(memory(10), memory(10))
    const huge = memory(4_000_000)
    assert.notEqual(memory(10), huge)
  })
})
