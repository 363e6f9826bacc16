import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { packageRoot } from '../gateway/package.ts'
import { measuresToRepeat, verdicts } from '../loadtest/bench/again.ts'
import { figuresOf, type Sample } from '../loadtest/bench/figure.ts'
import { recordedIn } from '../loadtest/bench/page.ts'
import { bandOf, isOver, judge, ratioOf, spreadOf, type Budgets, type Ratio } from '../loadtest/bench/ratio.ts'
import { textOf } from '../loadtest/bench/report.ts'
import { RecordCounter } from '../loadtest/bench/scan.ts'
import { callsIn } from '../loadtest/bench/calls.ts'
import { deliveriesOf, kindOf, SHAPES, type Shape } from '../loadtest/bench/shape.ts'

/** What `npm run bench` measures takes minutes; what it makes of that is checked with every change. */
describe('bench', () => {
  it('an arm is set against another within the same round, and one odd round does not count', () => {
    const samples = rounds({ G: [2, 20, 6], B0: [1, 10, 1] })
    assert.equal(ratioOf(samples, 'G', 'B0', CPU), 2)
  })

  it('a round that an arm lacks makes no number, and no number is never within a budget', () => {
    const value = ratioOf(rounds({ G: [1] }), 'G', 'B0', CPU)
    assert.ok(Number.isNaN(value))
    assert.equal(isOver(ratio({ value, budget: 1.1 })), true)
  })

  it('the band is how far twins are apart in the same round; without a twin there is none', () => {
    assert.equal(bandOf(rounds({ B0: [100, 100, 200], "B0'": [110, 105, 200] }), 'B0', CPU).toFixed(4), '0.0500')
    assert.equal(bandOf(rounds({ B0: [1, 2] }), 'B0', CPU), 0)
  })

  it('what has no twin has the band that it moves within from round to round', () => {
    assert.equal(spreadOf(rounds({ B0: [100, 90, 100, 130, 100] }), 'B0', CPU), 0)
    assert.equal(spreadOf(rounds({ B0: [100, 80, 120] }), 'B0', CPU).toFixed(4), '0.2000')
  })

  it('a ratio is over once it is more than the band above its budget, whatever the size of the budget', () => {
    for (const budget of [0.2, 1, 100]) {
      assert.equal(isOver(ratio({ value: budget * 1.09, budget, band: 0.1 })), false)
      assert.equal(isOver(ratio({ value: budget * 1.11, budget, band: 0.1 })), true)
    }
    assert.equal(isOver(ratio({ value: 1_000_000, budget: null })), false)
  })

  it('calls for allowances are those of all rounds together, and one more or less is within the band', () => {
    const slice = (redisCalls: number): Sample => ({ arm: 'G', values: { redisCalls, deliveries: 10_000 } })
    const found = callsIn('some', [slice(1), slice(0), slice(1)])
    assert.deepEqual([found.value.toFixed(1), found.band], ['66.7', 0.5])
    assert.equal(callsIn('some', [slice(0)]).value, 0)
  })

  it('a budget has the name of its ratio, or the one that several have in common', () => {
    const budgets: Budgets = { own: { budget: 1.5, reach: 1.2 }, shared: { budget: 100 } }
    const found = { value: 1, band: 0, of: ['shape'] }
    const asked = (of: Ratio): readonly (number | null)[] => [of.budget, of.reach]
    assert.deepEqual(asked(judge({ ...found, name: 'own' }, budgets)), [1.5, 1.2])
    assert.deepEqual(asked(judge({ ...found, name: 'a-shared', budgetOf: 'shared' }, budgets)), [100, null])
    assert.deepEqual(asked(judge({ ...found, name: 'nobody-asks' }, budgets)), [null, null])
  })

  it('what is over its budget is measured again, each measure once, and nothing else is', () => {
    const first = [
      ratio({ value: 2, of: ['a', 'b'] }),
      ratio({ value: 2, of: ['b'] }),
      ratio({ value: 1, of: ['c'] }),
      ratio({ value: 9, budget: null, of: ['d'] }),
    ]
    assert.deepEqual(measuresToRepeat(first), ['a', 'b'])
  })

  it('only what is over twice fails; what was not measured a second time is over still', () => {
    const first = [
      ratio({ name: 'good', value: 1 }),
      ratio({ name: 'unlucky', value: 2 }),
      ratio({ name: 'bad', value: 2 }),
      ratio({ name: 'gone', value: 2 }),
      ratio({ name: 'free', value: 2, budget: null }),
    ]
    const second = [ratio({ name: 'unlucky', value: 1 }), ratio({ name: 'bad', value: 3 })]
    assert.deepEqual(
      verdicts(first, second).map(({ name, verdict, second }) => [name, verdict, second]),
      [
        ['good', 'held', null],
        ['unlucky', 'held again', 1],
        ['bad', 'over', 3],
        ['gone', 'over', null],
        ['free', 'free', null],
      ],
    )
  })

  it('a ratio that held is not judged by a second time that it was measured by the way', () => {
    const [judged] = verdicts([ratio({ value: 1 })], [ratio({ value: 2 })])
    assert.deepEqual([judged?.verdict, judged?.second], ['held', null])
  })

  it('a page keeps all but what stands between its markers, and takes the same tables twice without a change', () => {
    const page = '# Page\n\n<!-- bench -->\nold\n<!-- /bench -->\n\nafter\n'
    const once = recordedIn(page, '| new |\n')
    assert.equal(once, '# Page\n\n<!-- bench -->\n\n| new |\n\n<!-- /bench -->\n\nafter\n')
    assert.equal(recordedIn(once, '| new |\n'), once)
  })

  it('a page without the markers, with two pairs or with them in the wrong order is refused', () => {
    const [begin, end] = ['<!-- bench -->', '<!-- /bench -->']
    for (const page of ['', begin, end, `${end} ${begin}`, `${begin}${end}${begin}${end}`, `${begin}${end}${end}`])
      assert.throws(() => recordedIn(page, 'text'), /needs one <!-- bench -->/)
  })

  it('the page of the project has the markers', () => {
    const page = readFileSync(join(packageRoot, 'docs/performance.md'), 'utf8')
    assert.ok(recordedIn(page, 'text').includes('text'))
  })

  it('figures are medians over the rounds of each arm, and those of one kind stand in one table', () => {
    const figures = [
      ...figuresOf('one', rounds({ B0: [1, 9, 2], G: [3, 3, 3] })),
      ...figuresOf('two', rounds({ G: [5, 5, 5] })),
      ...figuresOf('idle', [{ arm: 'G', values: { connections: 10, kibEach: 1.25 } }]),
    ]
    const text = textOf({ machine: 'A machine', ratios: verdicts([ratio({ value: 1.234, band: 0.05 })], []), figures })
    assert.ok(text.includes('| some | 1.23 | ±5 % | 1.1 |  | over |'))
    assert.ok(text.includes('| one | B0 | 2.00 |\n| one | G | 3.00 |\n| two | G | 5.00 |\n'))
    assert.ok(
      text.includes('| measured | arm | connections | KiB each |\n| --- | --- | --- | --- |\n| idle | G | 10 |'),
    )
  })

  it('each budget is of a number above 0, and no aim is looser than its budget', () => {
    const budgets = JSON.parse(readFileSync(join(packageRoot, 'loadtest/budgets.json'), 'utf8')) as Budgets
    for (const [name, { budget, reach = budget }] of Object.entries(budgets))
      assert.ok(budget > 0 && reach > 0 && reach <= budget, name)
  })

  it('each shape has a name of its own, and every record of it reaches the same number of connections', () => {
    assert.equal(new Set(SHAPES.map(({ name }) => name)).size, SHAPES.length)
    for (const shape of SHAPES) {
      const { connections, topics, equalities } = shape
      assert.equal(connections % topics, 0, shape.name)
      if (equalities > 0) assert.equal(topics, 1, `${shape.name}: subscriptions that filter are all to one topic`)
    }
  })

  it('where views differ in one equality, each record matches one, and all get their share', () => {
    const shape = SHAPES.find(({ name }) => name === 'views-100') as Shape
    const kinds = Array.from({ length: 200 }, (_, record) => kindOf(shape, record))
    assert.equal(new Set(kinds).size, 100)
    assert.equal(deliveriesOf(shape, 200), 200)
  })

  it('records are counted exactly, however their bytes are cut', () => {
    const frames = Array.from({ length: 20 }, (_, n) => `{"type":"record","data":{"n":${n}}}`).join('\n')
    fc.assert(
      fc.property(fc.array(fc.nat({ max: frames.length }), { maxLength: 30 }), (cuts) => {
        const counter = new RecordCounter()
        const places = [0, ...cuts.toSorted((a, b) => a - b), frames.length]
        for (let i = 1; i < places.length; i++) {
          const piece = frames.slice(places[i - 1], places[i])
          if (piece !== '') counter.see(Buffer.from(piece))
        }
        assert.equal(counter.records, 20)
      }),
    )
  })
})

const CPU = 'cpuSecondsPerMillion'

function rounds(values: { readonly [arm: string]: readonly number[] }): readonly Sample[] {
  return Object.entries(values).flatMap(([arm, all]) => all.map((one) => ({ arm, values: { [CPU]: one } })))
}

function ratio(of: Partial<Ratio>): Ratio {
  return { name: 'some', value: 1, band: 0, budget: 1.1, reach: null, of: ['shape'], ...of }
}
