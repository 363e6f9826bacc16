import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keySourceOf } from '../../gateway/access/keySource.ts'
import { Fault } from '../../gateway/errors.ts'

describe('key source', () => {
  const WRONG_SOURCES: readonly [string, RegExp][] = [
    ['http://idp.example.com/jwks', /use https/],
    ['http://127.0.0.1.example.com/jwks', /use https/],
    ['http://localhost.example.com/jwks', /use https/],
    ['http://10.0.0.1/jwks', /use https/],
    ['https://user:secret@idp.example.com/jwks', /password/],
    ['ftp://idp.example.com/jwks', /only https/],
    ['https://', /not an address/],
    ['', /empty/],
  ]
  for (const [source, reason] of WRONG_SOURCES) {
    test(`the source "${source}" is refused at configuration time`, () => {
      assert.throws(
        () => keySourceOf(source, 1024),
        (error) =>
          error instanceof Fault &&
          error.kind === 'usage' &&
          reason.test(error.message) &&
          !/secret/.test(error.message),
      )
    })
  }

  for (const source of [
    'http://localhost:1234/jwks',
    'http://[::1]/jwks',
    'http://127.1/jwks',
    'https://idp.example.com/x',
  ]) {
    test(`the source "${source}" is taken`, () => {
      assert.doesNotThrow(() => keySourceOf(source, 1024))
    })
  }
})
