import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { filledWith, isFreeFragment, isTopicName, placeholdersOf } from '../../gateway/drivers/topicName.ts'

describe('names of topics', () => {
  it('are what Kafka takes', () => {
    for (const name of ['a', '...', 'A_b-c.9', 'x'.repeat(249)]) assert.ok(isTopicName(name), name)
    for (const name of ['', '.', '..', 'a b', 'a/b', 'ä', 'a\n', 'x'.repeat(250)]) assert.ok(!isTopicName(name), name)
  })

  it('a value that no list names is a piece of one, of 100 characters at most', () => {
    for (const value of ['a', '.', '..', 'x'.repeat(100)]) assert.ok(isFreeFragment(value), value)
    for (const value of ['', 'a b', '{a}', 'a\n', 'x'.repeat(101)]) assert.ok(!isFreeFragment(value), value)
  })

  it('a template names each parameter once, and what is filled in is not read again', () => {
    assert.deepEqual(placeholdersOf('a.{b}.{c}.{b}.{'), ['b', 'c'])
    assert.equal(
      filledWith('{b}-{c}-{b}', (name) => (name === 'b' ? '{c}' : '$&')),
      '{c}-$&-{c}',
    )
  })
})
