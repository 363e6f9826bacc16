import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PLAN_FORMAT } from '../../gateway/catalog/compile.ts'
import { namedTopics, topicVerdicts, type Asked } from '../../gateway/cli/doctor/topics.ts'
import { usageTopicVerdicts } from '../../gateway/cli/doctor/usageTopic.ts'
import type { Verdict } from '../../gateway/cli/doctor/verdict.ts'
import { catalogOf } from '../../gateway/catalog/catalog.ts'
import { KafkaError } from '../../gateway/drivers/kafka/errors.ts'
import type { PermittedTopic } from '../../gateway/drivers/kafka/permits.ts'
import { parameter, product, stream } from '../integration/support/product.ts'

/** What a single real broker cannot be brought to: no leaders, disks of several brokers, a thousand topics. */
describe('weir doctor × topics', () => {
  const partition = (n: number, leader = 0, replicas = 3) => ({ partition: n, leader, replicas })
  const there = (name: string, more: Partial<PermittedTopic> = {}): PermittedTopic => ({
    name,
    code: 0,
    partitions: [partition(0), partition(1)],
    operations: null,
    ...more,
  })
  const named = (...topics: string[]) =>
    topics.map((topic) => ({ topic, stream: 'quakes/events', file: 'quakes.yaml' }))

  function asking(known: readonly PermittedTopic[], more: Partial<Asked['probe']> = {}): Asked {
    const missing = (name: string): PermittedTopic => there(name, { code: 3, partitions: [] })
    return {
      cluster: 'main',
      principal: null,
      probe: {
        topics: async (names) =>
          names === null ? known : names.map((name) => known.find((one) => one.name === name) ?? missing(name)),
        read: async () => 0,
        settings: async () => ({ throttleMs: 0, code: 0, configs: new Map() }),
        mayProduce: async () => 0,
        ...more,
      },
    }
  }

  const shown = (verdicts: readonly Verdict[]): string[] =>
    verdicts.map(({ status, message, fix }) => `${status} ${message}${fix === null ? '' : ` — ${fix}`}`)

  it('partitions without a leader are named, and are a system that is away', async () => {
    const partitions = [partition(0), partition(1, -1), partition(2, -1)]
    const [verdict] = await topicVerdicts(named('a'), asking([there('a', { code: 5, partitions })]))
    assert.deepEqual(shown([verdict as Verdict]), [
      'fail 2 of 3 partitions of a have no leader (1, 2): what quakes/events has there cannot be read — start the brokers that hold them',
    ])
    assert.equal(verdict?.unreachable, true)
  })

  it('a leader that is away, and an answer that nobody expects, are told with the topic', async () => {
    const read = () => Promise.reject(new KafkaError('gone', 'b:1 did not answer Fetch within 4000 ms'))
    const [gone] = await topicVerdicts(named('a'), asking([there('a')], { read }))
    assert.match(gone?.message ?? '', /^topic a: b:1 did not answer/)
    assert.equal(gone?.unreachable, true)
    const [odd] = await topicVerdicts(named('a'), asking([there('a')], { read: async () => 56 }))
    assert.match(odd?.message ?? '', /^topic a cannot be read \(Kafka error 56\)/)
  })

  it('topics of one stream that are well share a line, and those at fault have one each, up to a bound', async () => {
    const topics = Array.from({ length: 600 }, (_, i) => `t${i}`)
    const verdicts = await topicVerdicts(named(...topics), asking(topics.slice(0, 470).map((name) => there(name))))
    assert.equal(verdicts[0]?.message, 'quakes/events: topic t0 can be read, 2 partitions, and 469 more topics')
    assert.equal(verdicts.filter(({ message }) => message.startsWith('there is no topic')).length, 20)
    assert.deepEqual(shown(verdicts.slice(-2)), [
      'fail 10 more topics have such faults — mend these first',
      'warn 100 more topics were not looked at — nothing, if the others are well',
    ])
  })

  it('a topic of another name is only proposed where it is near', async () => {
    const [near] = await topicVerdicts(named('quakes.v1'), asking([there('quakes.v2')]))
    assert.match(near?.message ?? '', /; there is quakes\.v2$/)
    const [far] = await topicVerdicts(named('quakes.v1'), asking([there('orders')]))
    assert.equal(far?.message, 'there is no topic quakes.v1, which quakes/events reads')
  })

  it('topics that parameters choose are those that the document names, on their own cluster alone', () => {
    const byRegion = stream({
      id: 'regional',
      topic: 'quakes.{region}.{station}',
      parameters: [parameter('region', { values: ['eu', 'us'] }), parameter('station', { default: 'one' })],
    })
    const unknown = stream({ id: 'unknown', topic: 'quakes.{any}', parameters: [parameter('any')] })
    const streams = [stream(), byRegion, unknown].map((one) => ({
      ...one,
      servers: [{ name: 'main', cluster: 'main', host: 'kafka:9092' }],
    }))
    const plan = {
      format: PLAN_FORMAT,
      hash: '',
      file: '/specs/quakes.yaml',
      product: product({ streams }),
      findings: [],
    }
    const clusters = ['main', 'other'].map((name) => ({ name, brokers: [`${name}:9092`] }))
    const catalog = catalogOf([plan], clusters)
    const topics = namedTopics(catalog, 'main', '/')
    assert.deepEqual(
      topics.map(({ topic, stream: reader, file }) => [topic, reader, file]),
      [
        ['quakes.v1', 'quakes/events', 'specs/quakes.yaml'],
        ['quakes.eu.one', 'quakes/regional', 'specs/quakes.yaml'],
        ['quakes.us.one', 'quakes/regional', 'specs/quakes.yaml'],
      ],
    )
    assert.deepEqual(namedTopics(catalog, 'other', '/'), [])
  })

  it('a usage topic that one broken disk or an unclean election empties is worth a warning', async () => {
    const settings = async () => ({
      throttleMs: 0,
      code: 0,
      configs: new Map([
        ['cleanup.policy', 'delete'],
        ['retention.ms', '-1'],
        ['retention.bytes', '-1'],
        ['min.insync.replicas', '1'],
        ['unclean.leader.election.enable', 'true'],
      ]),
    })
    const asked = asking([there('usage')], { settings })
    const verdicts = await usageTopicVerdicts({ ...asked, topic: 'usage', rehearse: () => Promise.resolve() })
    assert.deepEqual(shown(verdicts), [
      'warn topic usage for usage may get a leader that lacks records (unclean.leader.election.enable): usage would be lost — set unclean.leader.election.enable=false on it',
      'warn topic usage for usage takes a write that one broker of 3 has: a lost disk loses usage — set min.insync.replicas=2 on it',
    ])
  })
})
