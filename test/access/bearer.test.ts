import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bearerFrom } from '../../gateway/access/bearer.ts'

describe('bearer', () => {
  test('the token is what stands after the scheme, in any case and with any number of blanks', () => {
    for (const header of ['Bearer a.b-c_d.e', 'bearer a.b-c_d.e', 'BEARER   a.b-c_d.e', ' Bearer a.b-c_d.e ']) {
      assert.equal(bearerFrom(header), 'a.b-c_d.e')
    }
  })

  test('an absent or empty header is no token and no error', () => {
    for (const header of [null, undefined, '', '  ']) assert.equal(bearerFrom(header), null)
  })

  test('anything but exactly one Bearer token is refused and not repeated', () => {
    const headers = ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer a,b', 'Bearera', 'a.b.c']
    for (const header of [
      ...headers,
      'Basic c2VjcmV0',
      'DPoP a.b.c',
      'Bearer "a.b"',
      'Bearer =a',
      'Bearer é',
      'Bearer\ta',
    ]) {
      const result = bearerFrom(header)
      assert.ok(typeof result === 'object' && result !== null, header)
      assert.equal(result.code, 'unauthenticated')
      assert.equal(result.parameter, 'authorization')
      assert.doesNotMatch(result.detail, /c2VjcmV0|a\.b/)
    }
  })

  test('a header of any length is read in linear time', () => {
    assert.ok(typeof bearerFrom(`Bearer ${'='.repeat(1_000_000)}a`) === 'object')
    assert.ok(typeof bearerFrom(`Bearer ${' '.repeat(1_000_000)}"`) === 'object')
  })
})
