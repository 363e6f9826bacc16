import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assert as assertProperty, constantFrom, dictionary, jsonValue, property, string } from 'fast-check'
import { rawMember } from '../gateway/rawMember.ts'

describe('rawMember', () => {
  it('the text of a member is what stands there, digit by digit', () => {
    const text = ' { "a" : 1e400 ,"data":{"n":9007199254740993,"s":"}\\"]"} , "z":[1,{"data":2}] } '
    assert.equal(rawMember(text, 'data'), '{"n":9007199254740993,"s":"}\\"]"}')
    assert.equal(rawMember(text, 'a'), '1e400')
    assert.equal(rawMember(text, 'z'), '[1,{"data":2}]')
    assert.equal(rawMember(text, 'n'), null)
    assert.equal(rawMember('{}', 'a'), null)
    assert.equal(rawMember('{"\\u0061":1,"a":2}', 'a'), '2')
  })

  it('whatever JSON.parse finds under a name, the text parses to the same', () => {
    const objects = dictionary(string(), jsonValue(), { minKeys: 1, noNullPrototype: true })
    assertProperty(
      property(objects, constantFrom(0, 1, 4), (object, indent) => {
        const text = JSON.stringify(object, null, indent)
        for (const [name, value] of Object.entries(object)) {
          assert.deepEqual(JSON.parse(rawMember(text, name) ?? ''), JSON.parse(JSON.stringify(value)))
        }
      }),
    )
  })
})
