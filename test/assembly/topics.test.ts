import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { topicsOf } from '../../gateway/assembly/topics.ts'
import { parameter, stream } from '../integration/support/product.ts'

describe('topics of the embedded log', () => {
  it('a stream without parameters in its topic has that one', () => {
    const field = { name: 'a', path: ['a'], type: 'string' as const }
    assert.deepEqual(topicsOf(stream({ topic: 't', parameters: [parameter('a', { field, values: ['x', 'y'] })] })), [
      't',
    ])
  })

  it('one for each combination of listed values, that of the defaults first', () => {
    const parameters = [parameter('a', { values: ['1', '2'], default: '2' }), parameter('b', { values: ['x', 'y'] })]
    assert.deepEqual(topicsOf(stream({ topic: '{b}.{a}.{b}', parameters })), ['x.2.x', 'y.2.y', 'x.1.x', 'y.1.y'])
  })

  it('without a list the default stands for all, else the first example, else there is none', () => {
    const of = (more: object): readonly string[] =>
      topicsOf(stream({ topic: 't.{a}', parameters: [parameter('a', more)] }))
    assert.deepEqual(of({ default: 'd', examples: ['e'] }), ['t.d'])
    assert.deepEqual(of({ examples: ['e', 'f'] }), ['t.e'])
    assert.deepEqual(of({}), [])
  })

  it('there are a thousand at most', () => {
    const values = Array.from({ length: 50 }, (_, i) => String(i))
    const parameters = ['a', 'b', 'c'].map((name) => parameter(name, { values }))
    const topics = topicsOf(stream({ topic: '{a}.{b}.{c}', parameters }))
    assert.equal(new Set(topics).size, 1_000)
    assert.ok(topics.every((topic) => /^\d+\.\d+\.\d+$/.test(topic)))
  })
})
