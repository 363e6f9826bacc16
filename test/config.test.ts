import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { loadConfig, type Config } from '../gateway/config.ts'
import { variablesOf } from '../gateway/config/environment.ts'
import type { SchemaNode } from '../gateway/config/node.ts'
import { formatProblem } from '../gateway/config/problem.ts'
import { renderReference } from '../gateway/config/reference.ts'
import { configSchema } from '../gateway/config/schema.ts'
import { packageRoot } from '../gateway/package.ts'

describe('configuration', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-config-'))
    mkdirSync(join(folder, 'etc'))
    mkdirSync(join(folder, 'specs'))
    mkdirSync(join(folder, 'etc', 'products'))
  })
  after(() => rmSync(folder, { recursive: true }))

  type Env = { readonly [name: string]: string }
  const load = (yaml: string | null, env: Env = {}) => {
    if (yaml === null) return loadConfig({ env, cwd: folder })
    writeFileSync(join(folder, 'etc', 'weir.yaml'), yaml)
    return loadConfig({ file: 'etc/weir.yaml', env, cwd: folder })
  }
  const good = (yaml: string | null, env: Env = {}): Config => {
    const { config, problems } = load(yaml, env)
    assert.deepEqual(problems.map(formatProblem), [])
    assert.ok(config)
    return config
  }
  const bad = (yaml: string | null, env: Env = {}): readonly string[] => {
    const { config, problems } = load(yaml, env)
    assert.equal(config, null)
    return problems.map(formatProblem)
  }

  it('without a file everything has a default, and the documents are the examples that ship with the code', () => {
    const config = good(null)
    assert.equal(config.file, null)
    assert.equal(config.embedded, true)
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 8080, publicUrl: null })
    assert.deepEqual(config.control, { host: '127.0.0.1', port: 8081 })
    assert.deepEqual(config.specs, [join(packageRoot, 'specs')])
    assert.equal(config.dataDir, join(folder, 'data'))
    assert.equal(config.limits.logMemoryBytesMax, 512 * 1024 * 1024)
    assert.equal(config.playback.recordsPerSecond, 2)
  })

  it('a weir.yaml in the working directory is read without being named', () => {
    const file = join(folder, 'weir.yaml')
    writeFileSync(file, 'listen: { port: 9000 }')
    try {
      const config = good(null)
      assert.equal(config.listen.port, 9000)
      assert.equal(config.file, file)
    } finally {
      rmSync(file)
    }
  })

  it('sizes and times are read as people write them, and an empty group is its defaults', () => {
    const { limits } = good(
      'listen:\nlimits: { logMemoryBytesMax: 1.5GiB, recordBytesMax: 65536, heartbeatMs: PT5S, lingerMs: 250 }',
    )
    assert.equal(limits.logMemoryBytesMax, 1.5 * 2 ** 30)
    assert.equal(limits.recordBytesMax, 65536)
    assert.equal(limits.heartbeatMs, 5000)
    assert.equal(limits.lingerMs, 250)
  })

  it('paths are relative to the file, those of the environment and of defaults to the working directory', () => {
    const config = good('specs: [products]\ndataDir: state')
    assert.deepEqual(config.specs, [join(folder, 'etc', 'products')])
    assert.equal(config.dataDir, join(folder, 'etc', 'state'))
    assert.equal(good('specs: products', { WEIR_DATADIR: 'state' }).dataDir, join(folder, 'state'))
    assert.deepEqual(good('{}').specs, [join(folder, 'specs')])
  })

  it('every variable of the schema beats the file', () => {
    const yaml = `
listen: { host: file, port: 1 }
access: { consumerClaim: file }
clusters: { main-1: { brokers: [file:1], sasl: { mechanism: plain, username: file, passwordFile: none } } }
log: { level: info }`
    const config = good(yaml, {
      WEIR_LISTEN_HOST: 'env',
      WEIR_LISTEN_PORT: '0',
      WEIR_LISTEN_PUBLICURL: 'https://streams.example.com/',
      WEIR_ACCESS_CONSUMERCLAIM: 'azp',
      WEIR_CLUSTERS_MAIN_1_BROKERS: 'a:1, b:2',
      WEIR_CLUSTERS_MAIN_1_SSL: 'true',
      WEIR_CLUSTERS_MAIN_1_SASL_USERNAME: 'env',
      WEIR_CLUSTERS_MAIN_1_SASL_PASSWORD: '0815',
      WEIR_LIMITS_RECORDBYTESMAX: '2MiB',
      WEIR_LOG_LEVEL: '',
      WEIR_PLAYBACK_RECORDSPERSECOND: '0.5',
    })
    assert.deepEqual(config.listen, { host: 'env', port: 0, publicUrl: 'https://streams.example.com' })
    assert.equal(config.access.consumerClaim, 'azp')
    assert.equal(config.limits.recordBytesMax, 2 * 2 ** 20)
    assert.equal(config.log.level, 'info', 'an empty variable is one that is not set')
    assert.equal(config.playback.recordsPerSecond, 0.5)
    const { brokers, ssl, sasl } = config.clusters['main-1'] ?? assert.fail('no cluster')
    assert.deepEqual({ brokers, ssl }, { brokers: ['a:1', 'b:2'], ssl: true })
    assert.equal(sasl?.username, 'env')
    assert.equal(sasl?.password?.reveal(), '0815')
    assert.equal(config.embedded, false)
  })

  it('each variable of the schema is accepted under the name that the reference gives', () => {
    for (const { name, node } of variablesOf(configSchema as SchemaNode)) {
      const problems = bad('{}', { [name.replace('*', 'MAIN')]: '\u0000' })
      assert.doesNotMatch(problems.join('\n'), /is not a setting/, `${name} (${node.doc})`)
    }
  })

  it('a cluster can come from the environment alone', () => {
    assert.deepEqual(good(null, { WEIR_CLUSTERS_MAIN_BROKERS: 'kafka:9092' }).clusters, {
      main: { brokers: ['kafka:9092'], ssl: false, sasl: null },
    })
    assert.match(
      bad(null, { WEIR_CLUSTERS_MAIN_SSL: 'true' }).join(),
      /clusters\.main\.brokers: is missing.*WEIR_CLUSTERS_MAIN_BROKERS/,
    )
  })

  it('all problems are told at once, each with its line, its key and what was probably meant', () => {
    const problems = bad(`listen:
  tls: true
  port: 808080
limits:
  conectionsMax: 5
  recordBytesMax: 1M
log: { level: warning }
consumers:
  - { id: acme, agreements: [{ product: a, plan: b }, { product: a, plan: c }] }
  - { id: acme }
control: { port: 8080 }
`)
    const at = 'etc/weir.yaml:'
    assert.deepEqual(problems, [
      `${at}2: listen.tls: is not a key — the keys here are \`host\`, \`port\`, \`publicUrl\``,
      `${at}3: listen.port: is 808080 — give a whole number from 0 to 65535`,
      `${at}5: limits.conectionsMax: is not a key — did you mean \`connectionsMax\`?`,
      `${at}6: limits.recordBytesMax: is "1M" — give a size (\`512MiB\` or bytes)`,
      `${at}7: log.level: is "warning" — give one of \`silent\`, \`error\`, \`warn\`, \`info\`, \`debug\``,
    ])
  })

  it('what fits one by one and not together is told with its line, beside unknown keys', () => {
    const problems = bad(`unknown: 1
consumers:
  - { id: acme, agreements: [{ product: a, plan: b }, { product: a, plan: c }] }
  - { id: acme }
specs: [nowhere]
control: { port: 8080 }
`)
    assert.deepEqual(
      problems.map((one) => one.split(': ').slice(0, 2).join(' ')),
      [
        'etc/weir.yaml:1 unknown',
        'etc/weir.yaml:3 consumers[0].agreements[1].product',
        'etc/weir.yaml:4 consumers[1].id',
        'etc/weir.yaml:5 specs[0]',
        'etc/weir.yaml:6 control.port',
      ],
    )
  })

  it('broken YAML, a missing file and a key that stands twice are told as what they are', () => {
    assert.match(bad('listen: [')[0] ?? '', /^etc\/weir\.yaml:1: /)
    assert.match(bad('a: 1\nlisten: {}\nlisten: {}').join(), /^etc\/weir\.yaml:3: .*twice/)
    const { problems } = loadConfig({ file: 'other.yaml', env: {}, cwd: folder })
    assert.match(problems.map(formatProblem).join(), /^other\.yaml: there is no such file — /)
    assert.match(bad('[1]').join(), /is a list/)
    assert.match(bad('listen: 8080').join(), /^etc\/weir\.yaml:1: listen: is 8080 — give a group of keys$/)
  })

  it('keys of later versions are refused by name, in the file and in the environment', () => {
    const yaml = 'plugins: []\nclusters: { a: { brokers: b:1, schemaRegistry: { url: x } } }'
    const problems = bad(yaml, { WEIR_PLUGINS: 'x', WEIR_CLUSTERS_A_SCHEMAREGISTRY_URL: 'x' })
    assert.deepEqual(problems, [
      'environment: WEIR_PLUGINS: `plugins` is not served by this version — unset the variable',
      'environment: WEIR_CLUSTERS_A_SCHEMAREGISTRY_URL: `schemaRegistry` is not served by this version — unset the variable',
      'etc/weir.yaml:1: plugins: `plugins` is not served by this version — remove it',
      'etc/weir.yaml:2: clusters.a.schemaRegistry: `schemaRegistry` is not served by this version — remove it',
    ])
  })

  it('the address of the database comes from the environment or a file of its own, and shows itself to nobody', () => {
    const address = 'postgres://weir:geheim@db/weir'
    assert.equal(good('{}', { WEIR_DATABASE_URL: address }).database.url?.reveal(), address)
    writeFileSync(join(folder, 'etc', 'address'), `${address}\n`)
    const config = good('database: { urlFile: address }')
    assert.equal(config.database.url?.reveal(), address)
    assert.doesNotMatch(JSON.stringify(config), /geheim/)
    assert.match(bad(`database: { url: "${address}" }`).join(), /holds a password in a file that people read/)
    assert.match(bad('database: { url: "postgres://db/weir?password=geheim" }').join(), /holds a password in a file/)
    assert.match(bad('database: { urlFile: address, url: "postgres://db/weir" }').join(), /second address/)
    assert.match(bad('database: { url: "mysql://db" }').join(), /database\.url: is a wrong value — give `postgres:/)
    assert.equal(good('{}').database.url, null)
  })

  it('an unknown variable is an error with the nearest name; those of others are passed over', () => {
    assert.deepEqual(bad('{}', { WEIR_LISTEN_PROT: '1' }), [
      'environment: WEIR_LISTEN_PROT: is not a setting of Weir — did you mean WEIR_LISTEN_PORT?',
    ])
    good('{}', {
      WEIR_TEST_KAFKA: 'x',
      WEIR_TOKEN: 'x',
      WEIRD: 'x',
      WEIR_SERVICE_HOST: '10.0.0.1',
      WEIR_SERVICE_PORT_HTTP: '80',
      WEIR_PORT: 'tcp://10.0.0.1:80',
      WEIR_PORT_80_TCP_ADDR: '10.0.0.1',
      WEIR_CONTROL_PORT: 'tcp://10.0.0.2:8081',
    })
  })

  it('a wrong value from the environment is blamed on the variable', () => {
    assert.deepEqual(bad('listen: { port: 1 }', { WEIR_LISTEN_PORT: 'http' }), [
      'environment: WEIR_LISTEN_PORT: is "http" — give a whole number from 0 to 65535',
    ])
    assert.match(
      bad('listen: { hostname: x }', { WEIR_LISTEN_HOST: 'x' }).join(),
      /^etc\/weir\.yaml:1: listen\.hostname/,
    )
  })

  it('a password comes from a file or the environment, never from the configuration, and is never shown', () => {
    const yaml = (more: string): string =>
      `clusters:\n  main:\n    brokers: kafka:9092\n    sasl: { mechanism: plain, username: weir${more} }`
    writeFileSync(join(folder, 'etc', 'password'), 'hunter2\n')
    const config = good(yaml(', passwordFile: password'))
    assert.equal(config.clusters['main']?.sasl?.password?.reveal(), 'hunter2')
    for (const shown of [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      String(config.clusters['main']?.sasl?.password),
    ]) {
      assert.doesNotMatch(shown, /hunter2/)
      assert.match(shown, /\[secret\]/)
    }
    const written = bad(yaml(', password: hunter2')).join()
    assert.match(written, /weir\.yaml:4: clusters\.main\.sasl\.password: does not belong/)
    assert.doesNotMatch(written, /hunter2/)
    assert.match(bad(yaml('')).join(), /weir\.yaml:4: clusters\.main\.sasl: has no password/)
    assert.match(bad(yaml(', passwordFile: none')).join(), /weir\.yaml:4: .*passwordFile: cannot be read/)
  })

  it('addresses that cannot be meant are refused', () => {
    for (const url of ['streams.example.com', 'ftp://a', 'https://u:p@a', 'https://a/?b']) {
      assert.match(
        bad(`listen: { publicUrl: "${url}" }`).join(),
        /listen\.publicUrl: is .* — give an http or https address/,
      )
    }
    for (const broker of ['kafka', 'kafka:0', 'kafka:99999', 'http://kafka:9092']) {
      assert.match(bad(`clusters: { a: { brokers: ["${broker}"] } }`).join(), /brokers\[0\]: is .* — give `host:port`/)
    }
    const issuer = (jwks: string, algorithm: string): string =>
      `access: { issuers: [{ issuer: i, audience: a, jwks: "${jwks}", algorithms: [${algorithm}] }] }`
    assert.match(bad(issuer('http://idp.example.com/jwks', 'RS256')).join(), /jwks: is/)
    assert.match(bad(issuer('keys.json', 'HS256')).join(), /algorithms\[0\]: is "HS256"/)
    const { access } = good(issuer('keys.json', 'ES256'))
    assert.deepEqual(access.issuers[0], {
      issuer: 'i',
      audience: ['a'],
      jwks: join(folder, 'etc', 'keys.json'),
      algorithms: ['ES256'],
    })
  })

  it('docs/configuration.md is what the schema says', () => {
    const written = readFileSync(join(packageRoot, 'docs', 'configuration.md'), 'utf8')
    assert.equal(written, renderReference(), 'run: weir config --reference > docs/configuration.md')
    for (const { name } of variablesOf(configSchema as SchemaNode)) assert.ok(written.includes(`\`${name}\``), name)
  })
})
