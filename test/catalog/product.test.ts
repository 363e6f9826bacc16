import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codesOf, documentWith, read, textOf } from './support.ts'
import type { Pieces } from './support.ts'

const BROKEN: readonly (readonly [rule: string, pieces: Pieces, code: string, fix: RegExp])[] = [
  ['an id is a path segment', { product: 'id: ../etc' }, 'wrong-value', /lower-case/],
  ['an id begins with a letter or digit', { product: 'id: -a' }, 'wrong-value', /lower-case/],
  [
    'an unknown key is told with the nearest',
    { product: 'id: a\n    visibilty: public' },
    'unknown-key',
    /`visibility`/,
  ],
  [
    'an unknown value is told with the nearest',
    { product: 'id: a\n    lifecycle: relesed' },
    'wrong-value',
    /`released`/,
  ],
  ['an email is one', { product: 'id: a\n    domain: ""' }, 'wrong-value', /domain/],
  ['money is a string', { plan: 'includedMessages: 1, tiers: [{ per1000: 0.02 }]' }, 'wrong-value', /decimal string/],
  ['money has no sign', { plan: 'overage: { per1000: "-1" }, onLimit: overage' }, 'wrong-value', /decimal string/],
  ['a window says how much', { plan: 'windows: [{ per: P1D }]' }, 'missing-key', /./],
  ['a window divides a day', { plan: 'windows: [{ per: PT7H, messages: 1 }]' }, 'window-length', /divides a day/],
  ['a window is a second at least', { plan: 'windows: [{ per: PT0.5S, messages: 1 }]' }, 'window-length', /PT1S/],
  ['a window is no week', { plan: 'windows: [{ per: P7D, messages: 1 }]' }, 'window-length', /P1D/],
  ['a window is no quarter', { plan: 'windows: [{ per: P3M, messages: 1 }]' }, 'window-length', /P1M/],
  [
    'two windows differ',
    { plan: 'windows: [{ per: PT1H, messages: 1 }, { per: PT60M, bytes: 1 }]' },
    'window-twice',
    /one window/,
  ],
  [
    'tiers ascend',
    { plan: 'tiers: [{ upTo: 5, per1000: "1" }, { upTo: 5, per1000: "1" }, { per1000: "1" }]' },
    'tiers-order',
    /ascending/,
  ],
  ['the last tier is open', { plan: 'tiers: [{ upTo: 5, per1000: "1" }]' }, 'tiers-closed', /last tier/],
  ['only the last tier is open', { plan: 'tiers: [{ per1000: "1" }, { per1000: "2" }]' }, 'tiers-open', /ends/],
  ['overage has a price', { plan: 'onLimit: overage' }, 'overage-unpriced', /per1000/],
  ['a burst holds a second', { plan: 'rate: { messages: 50, burst: 10 }' }, 'burst-too-small', /burst/],
  ['a horizon is a duration', { plan: 'replayHorizon: P1Y' }, 'duration-invalid', /P30D/],
  ['replay has an age', { plan: 'replay: { per1000: "1", olderThan: PT0S }' }, 'duration-invalid', /PT1H/],
  ['a period is a month', { plan: 'billingDuration: week' }, 'wrong-value', /calendar month/],
  ['the default plan is there', { product: 'id: a\n    defaultPlan: fre' }, 'default-plan-unknown', /`free`/],
  ['open access has a default plan', { product: 'id: a\n    access: open' }, 'default-plan-missing', /`free`/],
  ['deprecated says when', { product: 'id: a\n    lifecycle: deprecated' }, 'deprecation-missing', /sunset/],
  [
    'the sunset comes after',
    { product: 'id: a\n    deprecation: { on: 2026-05-01, sunset: 2026-04-01 }' },
    'sunset-too-early',
    /later/,
  ],
  [
    'a day is a day',
    { product: 'id: a\n    deprecation: { on: 2026-02-30, sunset: 2026-04-01 }' },
    'wrong-value',
    /2026-11-30/,
  ],
  ['a scope is one token (RFC 6749)', { stream: '{ expose: read, scope: "a b" }' }, 'wrong-value', /scope-token/],
  ['a scope has no quotes', { stream: `{ expose: read, scope: 'a"b' }` }, 'wrong-value', /scope-token/],
  ['a stream does not touch plans', { stream: '{ expose: read, plans: [] }' }, 'unknown-key', /Known here/],
  ['exposure is one of three', { stream: '{ expose: reads }' }, 'wrong-value', /`read`/],
  ['an extension is a map', { stream: 'read' }, 'wrong-value', /./],
  ['writing is not served', { stream: '{ expose: write }' }, 'not-served-yet', /read/],
  [
    'a mask is never ignored',
    { stream: '{ expose: read, masks: [{ path: a, as: drop }] }' },
    'not-served-yet',
    /secret/,
  ],
  [
    'a row rule is never ignored',
    { stream: '{ expose: read, rows: [{ where: "a==1" }] }' },
    'not-served-yet',
    /secret/,
  ],
  ['the extension stands under info', { more: 'x-data-product: { id: a }' }, 'misplaced', /info/],
]

describe('x-data-product', () => {
  for (const [rule, pieces, code, fix] of BROKEN) {
    it(`${rule}: else a finding with place and cure`, () => {
      const { findings } = read(textOf(documentWith(pieces)))
      const finding = findings.find((one) => one.severity === 'error')
      assert.deepEqual([finding?.code, finding?.file], [code, 'doc.yaml'])
      assert.match(finding?.fix ?? '', fix)
      assert.match(finding?.pointer ?? '', /x-data-product/)
      assert.ok((finding?.line ?? 0) > 1, 'has its line')
    })
  }

  it('two plans of one name are a finding', () => {
    const second = '{ name: free, price: "1", priceCurrency: EUR }'
    const text = documentWith().replace('      - { name', `      - ${second}\n      - { name`)
    assert.deepEqual(codesOf(read(textOf(text)).findings), ['plan-twice'])
  })

  it("what is left out is closed, and limits are the gateway's", () => {
    const { product, findings } = read(textOf(documentWith()))
    assert.deepEqual(findings, [])
    assert.deepEqual(
      [product?.visibility, product?.access, product?.lifecycle, product?.defaultPlan],
      ['private', 'approval', 'draft', null],
    )
    assert.deepEqual(product?.plans[0], {
      name: 'free',
      price: '0',
      priceCurrency: 'EUR',
      billingDuration: 'month',
      includedMessages: 0,
      tiers: [],
      replay: null,
      overage: null,
      windows: [],
      rate: null,
      connections: null,
      subscriptions: null,
      replayHorizonMs: null,
      onLimit: 'pause',
      onRedisLoss: 'local',
    })
  })

  it('windows, rates and ages arrive in the units of the Plan', () => {
    const plan =
      'windows: [{ per: P1M, bytes: 5 }, { per: PT15M, messages: 2 }], rate: { messages: 3 }, replay: { per1000: "0.1" }, replayHorizon: P2W'
    const read1 = read(textOf(documentWith({ plan })))
    assert.deepEqual(read1.findings, [])
    const { windows, rate, replay, replayHorizonMs } = read1.product?.plans[0] ?? {}
    assert.deepEqual(windows, [
      { perMs: 'month', messages: null, bytes: 5 },
      { perMs: 900_000, messages: 2, bytes: null },
    ])
    assert.deepEqual(
      [rate, replay, replayHorizonMs],
      [{ messages: 3, burst: 3 }, { per1000: '0.1', olderThanMs: 3_600_000 }, 1_209_600_000],
    )
  })

  it('a document without a product is read and exposes nothing, one with streams alone is told what is missing', () => {
    const bare = read(textOf('asyncapi: 3.0.0\nchannels: {}'))
    assert.deepEqual([bare.product, codesOf(bare.findings), codesOf(bare.findings, 'info')], [null, [], ['no-product']])
    const text = documentWith().replace(/ {2}x-data-product:\n(?: {4}.*\n)*/, '')
    assert.deepEqual(codesOf(read(textOf(text)).findings), ['product-missing'])
    assert.deepEqual(codesOf(read(textOf(documentWith({ stream: '{}' }))).findings, 'warning'), ['nothing-exposed'])
  })

  it('empty rules do no harm', () => {
    const { product, findings } = read(
      textOf(documentWith({ stream: '{ expose: read, filterable: [], masks: [], rows: [] }' })),
    )
    assert.equal(product?.streams.length, 1)
    assert.deepEqual(findings, [])
  })
})
