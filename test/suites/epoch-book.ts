import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochBook } from '../../gateway/source/kafka/epoch-book.ts'

/** What every `EpochBook` must do. `open` gives an empty one. */
export function epochBookSuite(open: () => Promise<EpochBook>): void {
  test('logs under one name are numbered in the order of their coming, and one that comes back has its number', async () => {
    const book = await open()
    const epochs: number[] = []
    for (const id of ['a', 'b', 'a', 'c', 'b', 'c']) epochs.push(await book.epochOf('main', 't', id))
    assert.deepEqual(epochs, [0, 1, 0, 2, 1, 2])
  })

  test('each name of each cluster is numbered by itself', async () => {
    const book = await open()
    assert.equal(await book.epochOf('main', 't', 'a'), 0)
    assert.equal(await book.epochOf('main', 't', 'b'), 1)
    assert.equal(await book.epochOf('main', 'u', 'c'), 0)
    assert.equal(await book.epochOf('other', 't', 'd'), 0)
  })

  test('asked many things at once it gives each its own number', async () => {
    const book = await open()
    const ids = Array.from({ length: 20 }, (_, i) => `id-${i % 10}`)
    const epochs = await Promise.all(ids.map((id) => book.epochOf('main', 't', id)))
    assert.deepEqual(epochs.slice(0, 10), epochs.slice(10))
    assert.deepEqual(new Set(epochs), new Set(Array.from({ length: 10 }, (_, i) => i)))
  })

  test('more logs than it can remember still have rising numbers', async () => {
    const book = await open()
    const epochs: number[] = []
    for (let i = 0; i < 100; i++) epochs.push(await book.epochOf('main', 't', `id-${i}`))
    assert.deepEqual(
      epochs,
      Array.from({ length: 100 }, (_, i) => i),
    )
  })
}
