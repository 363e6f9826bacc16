import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Grant } from '../../gateway/access/grant.ts'
import type { FilterField, Stream } from '../../gateway/catalog/plan.ts'
import { streamTag } from '../../gateway/stream/cursor.ts'
import { isRefusal, type Gate } from '../../gateway/transport/gate.ts'
import { readQuery, type Wish } from '../../gateway/transport/parameters.ts'
import { seenBy, stillSeen, type Seen, type Understood } from '../../gateway/transport/seen.ts'
import { parameter, pricePlan, product, stream } from '../integration/support/product.ts'
import { Bench } from '../stream/model/bench.ts'
import { UID } from '../stream/model/records.ts'

const LANE: FilterField = { name: 'lane', path: ['lane'], type: 'string' }
const OF: Stream = stream({
  topic: 't',
  filterable: [LANE, UID],
  parameters: [parameter('uid', { field: UID }), parameter('lane', { field: LANE })],
})

describe('what a client sees', () => {
  it('a thousand values of a parameter that filters share one front, with the same equality of `where`', async () => {
    const bench = new Bench(1, { logMemoryBytesMax: 16_000_000 })
    const seen = seenIn(bench)
    const numbers = Array.from({ length: 1_000 }, (_, uid) => uid)
    const all = numbers.map((uid) => bench.open({ kind: 'latest' }, { spec: seen(`param.uid=${uid}`) }))
    await bench.run()
    assert.equal(bench.hub.stats().riding, 1_000)
    const tail = all[0]?.subscription.tail
    assert.deepEqual([tail?.fronts.size, tail?.views.size], [1, 1_000])
    bench.open({ kind: 'latest' }, { spec: seen('where=uid==7') })
    bench.open({ kind: 'latest' }, { spec: seen('where=uid==1001') })
    assert.deepEqual([tail?.fronts.size, tail?.views.size], [1, 1_001])
    bench.open({ kind: 'latest' }, { spec: seen('param.uid=7&where=lane==a') })
    assert.deepEqual([tail?.fronts.size, tail?.views.size], [2, 1_002])
    bench.append(5)
    await bench.run()
    // Records are numbered from 1.
    assert.deepEqual(
      all.flatMap(({ records }, uid) => records.map(() => uid)),
      [1, 2, 3, 4, 5],
    )
  })

  it('a parameter that chooses the topic is in the key of the view; one that filters by a value of its type', () => {
    const bench = new Bench(1)
    const of = stream({ ...OF, topic: 't.{s}', parameters: [...OF.parameters, parameter('s')] })
    const seen = seenIn(bench, of)
    assert.deepEqual(
      [seen('param.s=a').stream, seen('param.s=a').key],
      [{ key: 'p/s?s=a', tag: streamTag('p/s?s=a'), topic: 't.a' }, JSON.stringify(['p/s?s=a', '1', 'record', ''])],
    )
    const [a, b] = [seen('param.s=a&param.uid=1'), seen('param.s=b&param.uid=1')]
    assert.notEqual(a.key, b.key)
    assert.notEqual(a.equality?.key, b.equality?.key)
    assert.equal(a.equality?.value, 1)
  })

  const [of, agreement] = [{}, {}] as [Grant['stream'], Grant['agreement']]
  const grant = { stream: of, agreement } as Grant
  const seen = { spec: { form: 'record' } } as Seen
  const known: Understood = { grant, seen }

  it('what was understood of a handshake is what is subscribed to, where nothing has changed meanwhile', () => {
    assert.equal(stillSeen(known, { ...grant }, {}), seen)
    assert.equal(stillSeen(known, { ...grant }, { format: 'record' }), seen)
  })

  it('what was understood of a handshake is forgotten where the document was published anew, the agreement is another, or the form is', () => {
    assert.equal(stillSeen(undefined, grant, {}), null)
    assert.equal(stillSeen(known, { ...grant, stream: {} as Grant['stream'] }, {}), null)
    assert.equal(stillSeen(known, { ...grant, agreement: {} as Grant['agreement'] }, {}), null)
    assert.equal(stillSeen(known, grant, { format: 'cloudevents' }), null)
  })
})

type Spec = Exclude<ReturnType<typeof seenBy>, { code: string }>['spec']

function seenIn(bench: Bench, of = OF): (query: string) => Spec {
  const ref = { key: 'p/s', tag: streamTag('p/s'), topic: of.topic }
  const { decode } = bench.decode
  const gate: Pick<Gate, 'feed' | 'publicUrl'> = {
    feed: () => ({ stream: ref, decode, source: bench.source, revision: '1' }),
    publicUrl: () => 'https://weir.test',
  }
  const agreement = { id: 'a', consumer: 'c', product: 'p', plan: pricePlan() }
  const identity = { consumer: 'c', scopes: new Set<string>(), expiresAt: Infinity, claims: {} }
  const grant: Grant = { identity, product: product(), stream: of, agreement }
  return (query) => {
    const seen = seenBy(gate as Gate, grant, readQuery(query) as Wish, '', 0)
    assert.ok(!isRefusal(seen), JSON.stringify(seen))
    return seen.spec
  }
}
