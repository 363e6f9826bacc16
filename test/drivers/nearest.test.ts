import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearest } from '../../gateway/drivers/nearest.ts'

describe('nearest', () => {
  const known = ['lifecycle', 'visibility', 'id']

  it('a slip of the finger finds the word that was meant', () => {
    assert.equal(nearest('lifecylce', known), 'lifecycle')
    assert.equal(nearest('Visibilty', known), 'visibility')
    assert.equal(nearest('ID', known), 'id')
  })

  it('a word that is like none finds none, however long', () => {
    assert.equal(nearest('price', known), null)
    assert.equal(nearest('x'.repeat(1_000_000), known), null)
    assert.equal(nearest('id', []), null)
  })
})
