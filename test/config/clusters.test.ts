import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { loadConfig, type Config } from '../../gateway/config.ts'
import type { Environment } from '../../gateway/config/environment.ts'
import { formatProblem } from '../../gateway/config/problem.ts'
import { makeCertificates } from '../services/kafka/certificates.ts'
import { scratchFolder } from '../services/scratch.ts'

/** What a cluster's `ssl` and `sasl` may say, and what is said of what they may not. */
describe('configuration of clusters', () => {
  const folder = scratchFolder('clusters')
  before(() => {
    makeCertificates(folder)
    writeFileSync(join(folder, 'secret'), 'hunter2\n')
    writeFileSync(join(folder, 'empty'), '')
  })

  function load(cluster: string, env: Environment = {}): ReturnType<typeof loadConfig> {
    writeFileSync(join(folder, 'weir.yaml'), `specs: .\nclusters:\n  main: { brokers: kafka:9092, ${cluster} }\n`)
    return loadConfig({ cwd: folder, env })
  }

  function good(cluster: string, env?: Environment): Config['clusters'][string] {
    const { config, problems } = load(cluster, env)
    assert.deepEqual(problems, [])
    return config!.clusters['main']!
  }

  function bad(cluster: string, env?: Environment): string {
    const { problems } = load(cluster, env)
    assert.ok(problems.length > 0, `${cluster} was taken`)
    const text = problems.map(formatProblem).join('\n')
    assert.ok(!text.includes('hunter2'), 'no secret is shown')
    return text
  }

  const NONE = { caFile: null, certFile: null, keyFile: null, serverName: null }

  test('ssl is a truth value, or a group that says more; the environment wins', () => {
    assert.equal(good('').ssl, false)
    assert.equal(good('ssl: true').ssl, true)
    assert.equal(good('ssl: true', { WEIR_CLUSTERS_MAIN_SSL: 'false' }).ssl, false)
    assert.equal(good('', { WEIR_CLUSTERS_MAIN_SSL: 'true' }).ssl, true)
    const caFile = join(folder, 'ca.crt')
    assert.deepEqual(good('ssl: { caFile: ca.crt, serverName: kafka }').ssl, { ...NONE, caFile, serverName: 'kafka' })
    assert.deepEqual(good('ssl: true', { WEIR_CLUSTERS_MAIN_SSL_CAFILE: 'ca.crt' }).ssl, { ...NONE, caFile })
    assert.deepEqual(good('ssl: { certFile: client.crt, keyFile: client.key }').ssl, {
      ...NONE,
      certFile: join(folder, 'client.crt'),
      keyFile: join(folder, 'client.key'),
    })
  })

  test('ssl that cannot be meant is refused with the key, the reason and the remedy', () => {
    for (const [cluster, words] of [
      ['ssl: yes please', /clusters\.main\.ssl: is "yes please" — give `true`, `false` or a group of keys/],
      ['ssl: { cafile: ca.crt }', /ssl\.cafile: is not a key — did you mean `caFile`/],
      ['ssl: { caFile: none.crt }', /ssl\.caFile: cannot be read: ENOENT/],
      ['ssl: { caFile: secret }', /ssl\.caFile: .*secret holds no certificate — give a PEM file/],
      ['ssl: { certFile: client.crt }', /ssl\.keyFile: is missing — a certificate and its key go together/],
      ['ssl: { certFile: client.crt, keyFile: other-client.key }', /is not the key of .*client\.crt/],
      ['ssl: { certFile: client.crt, keyFile: secret }', /holds no key that can be used/],
    ] as const) {
      assert.match(bad(cluster), words)
    }
    assert.match(bad('', { WEIR_CLUSTERS_MAIN_SSL: 'maybe' }), /WEIR_CLUSTERS_MAIN_SSL: is "maybe"/)
  })

  test('each mechanism takes its own keys', () => {
    const scram = good('sasl: { mechanism: scram-sha-512, username: weir, passwordFile: secret }').sasl
    assert.equal(scram?.password?.reveal(), 'hunter2')
    const file = good('sasl: { mechanism: oauthbearer, tokenFile: not-there-yet }').sasl
    assert.equal(file?.tokenFile, join(folder, 'not-there-yet'))
    const client = good(
      'sasl: { mechanism: oauthbearer, tokenEndpoint: "https://idp.example.com/token", clientId: weir, clientSecretFile: secret, scope: kafka }',
    ).sasl
    assert.deepEqual(
      [client?.tokenEndpoint, client?.clientId, client?.clientSecretFile, client?.scope],
      ['https://idp.example.com/token', 'weir', join(folder, 'secret'), 'kafka'],
    )
  })

  test('keys that a mechanism lacks, or has no use for, are named', () => {
    const endpoint = 'tokenEndpoint: "https://idp/token"'
    for (const [sasl, words] of [
      ['mechanism: plain, passwordFile: secret', /sasl\.username: is missing/],
      ['mechanism: plain, username: weir', /clusters\.main\.sasl: has no password/],
      ['mechanism: plain, username: weir, passwordFile: secret, scope: x', /sasl\.scope: has no meaning for `plain`/],
      ['mechanism: oauthbearer', /says nowhere to get a token/],
      [`mechanism: oauthbearer, tokenFile: t, ${endpoint}`, /names two places for a token/],
      ['mechanism: oauthbearer, tokenFile: t, username: weir', /sasl\.username: has no meaning for `oauthbearer`/],
      ['mechanism: oauthbearer, tokenFile: t, clientId: weir', /sasl\.clientId: goes with `tokenEndpoint` only/],
      [`mechanism: oauthbearer, ${endpoint}, clientSecretFile: secret`, /sasl\.clientId: is missing/],
      [`mechanism: oauthbearer, ${endpoint}, clientId: weir`, /sasl\.clientSecretFile: is missing/],
      [`mechanism: oauthbearer, ${endpoint}, clientId: weir, clientSecretFile: empty`, /empty is empty/],
      [
        'mechanism: oauthbearer, tokenEndpoint: "http://idp/token", clientId: weir, clientSecretFile: secret',
        /tokenEndpoint: would get the secret in clear/,
      ],
      ['mechanism: gssapi, username: weir, passwordFile: secret', /sasl\.mechanism: is "gssapi"/],
    ] as const) {
      assert.match(bad(`sasl: { ${sasl} }`), words)
    }
  })
})
