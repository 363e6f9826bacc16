import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PricePlan, Product, Stream } from '../../gateway/catalog/plan.ts'
import { agreementId, createConsumers, noSuchStream, type Consumers } from '../../gateway/access/consumers.ts'
import type { Grant, Identity } from '../../gateway/access/grant.ts'
import { Fault, type ErrorCode, type Refusal } from '../../gateway/errors.ts'
import { MemoryLog, NOON } from './support.ts'

const STREAM: Stream = {
  id: 'events',
  title: 'Events',
  description: null,
  expose: 'read',
  topic: 'quakes.events.v1',
  partitions: 4,
  servers: [],
  scope: null,
  showKey: false,
  showHeaders: [],
  headerWords: [],
  invalid: 'frame',
  message: 'quake',
  kinds: [],
  contentType: 'application/json',
  encoding: { kind: 'json' },
  schema: null,
  filterable: [],
  parameters: [],
}

function planNamed(name: string): PricePlan {
  const money = { price: '0', priceCurrency: 'EUR', billingDuration: 'month', includedMessages: 0, tiers: [] }
  const limits = { windows: [], rate: null, connections: null, subscriptions: null, replayHorizonMs: null }
  return { name, ...money, replay: null, overage: null, ...limits, onLimit: 'pause', onRedisLoss: 'local' }
}

function product(more: Partial<Product> = {}): Product {
  return {
    id: 'quakes',
    title: 'Earthquakes',
    version: '1.0.0',
    description: null,
    license: null,
    owner: { team: 'seismology', email: 'seismology@example.org' },
    contact: null,
    domain: 'geo',
    visibility: 'public',
    access: 'open',
    lifecycle: 'released',
    deprecation: null,
    sla: [],
    defaultPlan: 'free',
    plans: [planNamed('free'), planNamed('pro')],
    streams: [STREAM],
    view: null,
    ...more,
  }
}

function identity(consumer: string, ...scopes: string[]): Identity {
  return { consumer, scopes: new Set(scopes), expiresAt: NOON, claims: {} }
}

const ACME = identity('acme')
const STRANGER = identity('stranger')

describe('consumers', () => {
  let log: MemoryLog
  let consumers: Consumers

  beforeEach(() => {
    log = new MemoryLog()
    consumers = createConsumers(
      [
        { id: 'acme', name: 'Acme Ltd', agreements: [{ product: 'quakes', plan: 'pro' }] },
        { id: 'late', name: 'Late Inc', suspended: true, agreements: [{ product: 'quakes', plan: 'pro' }] },
        { id: 'banned', name: 'Banned', suspended: true, agreements: [] },
        { id: 'old', name: 'Old AG', agreements: [{ product: 'quakes', plan: 'gold' }] },
      ],
      log,
    )
  })

  function granted(result: Grant | Refusal): Grant {
    assert.ok(!('code' in result), 'code' in result ? result.detail : '')
    return result
  }

  function refused(result: Grant | Refusal, code: ErrorCode): Refusal {
    assert.ok('code' in result, 'it was granted')
    assert.equal(result.code, code, result.detail)
    return result
  }

  test('an agreement gives its plan, under an id that stays', () => {
    const one = product({ access: 'approval' })
    const grant = granted(consumers.authorize(ACME, one, STREAM))
    assert.equal(grant.agreement.id, 'acme:quakes:pro')
    assert.equal(grant.agreement.consumer, 'acme')
    assert.equal(grant.agreement.plan, one.plans[1])
    assert.equal(grant.stream, STREAM)
    assert.equal(grant.identity, ACME)
  })

  test('an open product gives its default plan to whoever has a token and no agreement', () => {
    assert.equal(granted(consumers.authorize(STRANGER, product(), STREAM)).agreement.id, 'stranger:quakes:free')
    assert.equal(granted(consumers.authorize(ACME, product(), STREAM)).agreement.id, 'acme:quakes:pro')
  })

  test('a product that needs approval tells a stranger whom to ask', () => {
    const refusal = refused(consumers.authorize(STRANGER, product({ access: 'approval' }), STREAM), 'forbidden')
    assert.match(refusal.detail, /"stranger" has no agreement for "quakes"; ask its owner, seismology <seismology@/)
    assert.equal(refusal.scope, undefined)
  })

  test('two agreements never share an id', () => {
    assert.notEqual(agreementId('a:b', 'c', 'd'), agreementId('a', 'b:c', 'd'))
    assert.notEqual(agreementId('a%3Ab', 'c', 'd'), agreementId('a:b', 'c', 'd'))
    assert.equal(agreementId('auth0|x@y', 'c', 'd'), 'auth0|x@y:c:d')
  })

  const HIDDEN: readonly Partial<Product>[] = [
    { visibility: 'private' },
    { visibility: 'internal' },
    { lifecycle: 'draft' },
  ]
  for (const more of HIDDEN) {
    test(`a product that is ${JSON.stringify(more)} does not exist but for those with an agreement`, () => {
      const hidden = product(more)
      const refusal = refused(consumers.authorize(STRANGER, hidden, STREAM), 'no-such-stream')
      assert.deepEqual(refusal, noSuchStream('quakes', 'events'))
      assert.equal(consumers.visible(STRANGER, hidden), false)
      assert.equal(consumers.visible(null, hidden), false)
      granted(consumers.authorize(ACME, hidden, STREAM))
      assert.equal(consumers.visible(ACME, hidden), true)
      refused(consumers.authorize(identity('banned'), hidden, STREAM), 'no-such-stream')
    })
  }

  test('public products are listed to all, in every state of life but draft', () => {
    for (const lifecycle of ['released', 'deprecated', 'retired'] as const) {
      assert.equal(consumers.visible(null, product({ lifecycle, access: 'approval' })), true)
    }
  })

  test('a hidden product stays hidden whatever else would refuse it', () => {
    for (const more of [{ lifecycle: 'retired' }, { defaultPlan: 'gone' }, { access: 'approval' }] as const) {
      refused(consumers.authorize(STRANGER, product({ ...more, visibility: 'private' }), STREAM), 'no-such-stream')
    }
  })

  test('a stream that is not for reading does not exist', () => {
    refused(consumers.authorize(ACME, product(), { ...STREAM, expose: 'write' }), 'no-such-stream')
  })

  test('a suspended consumer reads nothing, not even what is open to all', () => {
    for (const consumer of ['late', 'banned']) {
      const refusal = refused(consumers.authorize(identity(consumer), product(), STREAM), 'forbidden')
      assert.match(refusal.detail, new RegExp(`"${consumer}" is suspended; ask the operator`))
    }
  })

  test('a retired product says what takes its place', () => {
    const deprecation = { on: '2026-01-01', sunset: '2026-06-01', successor: 'quakes-2' }
    const refusal = refused(
      consumers.authorize(ACME, product({ lifecycle: 'retired', deprecation }), STREAM),
      'retired',
    )
    assert.match(refusal.detail, /"quakes" is retired; "quakes-2" takes its place/)
    granted(consumers.authorize(ACME, product({ lifecycle: 'deprecated', deprecation }), STREAM))
  })

  test('a missing scope is named, so that the client can ask for it', () => {
    const guarded = { ...STREAM, scope: 'quakes:read' }
    const refusal = refused(consumers.authorize(identity('acme', 'quakes'), product(), guarded), 'forbidden')
    assert.equal(refusal.scope, 'quakes:read')
    granted(consumers.authorize(identity('acme', 'quakes:read'), product(), guarded))
  })

  test('an agreement with a plan that is gone is refused in words and logged once', () => {
    for (let i = 0; i < 3; i++) {
      const refusal = refused(consumers.authorize(identity('old'), product(), STREAM), 'forbidden')
      assert.match(refusal.detail, /plan "gold" of this agreement is no longer offered; ask its owner/)
    }
    assert.deepEqual(
      log.lines.map((line) => [line.level, line.fields['consumer'], line.fields['plan']]),
      [['error', 'old', 'gold']],
    )
  })

  test('a default plan that does not exist is one line in the log, however many consumers meet it', () => {
    const broken = product({ defaultPlan: 'gone' })
    for (let i = 0; i < 100; i++) refused(consumers.authorize(identity(`c${i}`), broken, STREAM), 'forbidden')
    assert.equal(log.lines.length, 1)
  })

  test('names that objects know are consumers like others', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      refused(consumers.authorize(identity(name), product({ access: 'approval' }), STREAM), 'forbidden')
    }
  })

  test('the check names every agreement that no document can fulfil', () => {
    const problems = consumers.check([product(), product({ id: 'other', defaultPlan: null })])
    assert.deepEqual(
      problems.map(({ consumer, product }) => [consumer, product]),
      [
        [null, 'other'],
        ['old', 'quakes'],
      ],
    )
    assert.match(problems[1]?.message ?? '', /old has the plan "gold" of quakes, which does not exist/)
    assert.equal(problems[1]?.fix, 'Plans of quakes: free, pro.')
    const [none] = consumers.check([])
    assert.match(
      `${none?.message} ${none?.fix}`,
      /acme has an agreement for quakes, which no document.*Products served: none/,
    )
    assert.match(
      consumers.check([product({ defaultPlan: 'gone' })])[0]?.message ?? '',
      /default plan "gone" .* not exist/,
    )
  })

  test('a consumer or an agreement that stands twice is a fault of configuration', () => {
    const one = { id: 'acme', name: 'Acme', agreements: [{ product: 'quakes', plan: 'pro' }] }
    const twice = { ...one, agreements: [...one.agreements, { product: 'quakes', plan: 'free' }] }
    for (const settings of [[one, one], [twice], [{ ...one, id: '' }]]) {
      assert.throws(
        () => createConsumers(settings, log),
        (error) => error instanceof Fault && error.kind === 'usage',
      )
    }
  })
})
