import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { challengeOf, resourceMetadata } from '../../gateway/access/challenge.ts'
import { ERRORS, refuse, type ErrorCode } from '../../gateway/errors.ts'

const URL = 'https://streams.example.com'
const METADATA = 'resource_metadata="https://streams.example.com/.well-known/oauth-protected-resource"'

describe('challenge', () => {
  test('without a token the client learns where to get one, and of no error', () => {
    assert.equal(challengeOf(refuse('unauthenticated', 'x'), false, URL), `Bearer ${METADATA}`)
    assert.equal(challengeOf(refuse('unauthenticated', 'x'), false, `${URL}/`), `Bearer ${METADATA}`)
  })

  test('a token that was sent and does not hold is an invalid_token', () => {
    for (const code of ['unauthenticated', 'token-expired', 'token-revoked'] as const) {
      assert.equal(challengeOf(refuse(code, 'x'), true, URL), `Bearer error="invalid_token", ${METADATA}`)
    }
  })

  test('a missing scope is named', () => {
    const refusal = refuse('forbidden', 'x', { scope: 'quakes:read' })
    assert.equal(challengeOf(refusal, true, URL), `Bearer error="insufficient_scope", scope="quakes:read", ${METADATA}`)
  })

  test('what no other token would change has no challenge', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      if (ERRORS[code].status !== 401) assert.equal(challengeOf(refuse(code, 'x'), true, URL), null, code)
    }
  })

  test('a scope cannot end the header or its quotes', () => {
    const value = challengeOf(refuse('forbidden', 'x', { scope: 'a"\r\nSet-Cookie: b\\' }), true, URL)
    assert.equal(value, `Bearer error="insufficient_scope", scope="a\\"Set-Cookie: b\\\\", ${METADATA}`)
  })

  test('the metadata names the issuers that are addresses and each scope once', () => {
    const issuers = ['https://idp.example.com', 'urn:weir:development', 'http://127.0.0.1:9000/realm']
    assert.deepEqual(resourceMetadata(`${URL}/`, issuers, ['b', 'a', 'b']), {
      resource: URL,
      authorization_servers: ['https://idp.example.com', 'http://127.0.0.1:9000/realm'],
      bearer_methods_supported: ['header'],
      scopes_supported: ['a', 'b'],
    })
  })

  test('the metadata leaves out what would be an empty list (RFC 9728 §2)', () => {
    const metadata = resourceMetadata(URL, ['urn:weir:development'], [])
    assert.deepEqual(metadata, { resource: URL, bearer_methods_supported: ['header'] })
  })
})
