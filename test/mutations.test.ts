import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { packageRoot } from '../gateway/package.ts'
import { sourceTree } from './house/tree.ts'
import { AREAS } from './mutations/mutations.ts'
import { selectTests } from './runner/select.ts'

const MUTATIONS = Object.values(AREAS).flat()

/** What `npm run mutations` does takes minutes; that it could be done is checked with every change. */
describe('mutations', () => {
  it('each has a name of its own, and changes a text that stands just once', () => {
    const wrong = MUTATIONS.filter(({ file, from, to }) => {
      const text = readFileSync(join(packageRoot, file), 'utf8')
      return text.split(from).length !== 2 || text.split(from).join(to) === text
    })
    assert.deepEqual(
      wrong.map(({ name, file, from }) => `${name}: ${file} has to hold just once: ${from}`),
      [],
    )
    assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length)
  })

  it('each names tests that are there and need no service but Redis', () => {
    const quick = selectTests(sourceTree(packageRoot, ['test']), []).filter(
      ({ needs, ownKafka }) => !ownKafka && needs.every((name) => name === 'redis'),
    )
    const names = new Set(quick.map(({ path }) => path.replace(/^test\/(.*)\.test\.ts$/, '$1')))
    assert.deepEqual(
      MUTATIONS.filter(({ tests }) => tests.length === 0 || !tests.every((test) => names.has(test))),
      [],
    )
  })
})
