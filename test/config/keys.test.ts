import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { referenceRows } from '../../gateway/config/reference.ts'
import { packageRoot } from '../../gateway/package.ts'
import { accessCases, accessYaml, type Signers } from './keys/access.ts'
import { limitCases, LIMITS } from './keys/limits.ts'
import { placeCases, placesYaml } from './keys/places.ts'
import { KeyWorld, type Cases, type Linked } from './keys/world.ts'

const LISTENERS = 'test/drivers/kafka/listeners.test.ts'
const SASL = 'test/drivers/kafka/sasl.test.ts'
const EARTHQUAKES = {
  file: 'test/integration/earthquakes.test.ts',
  title: 'who comes later reads the same from the start, over both transports',
  as: 'brokers',
}
const BILLING = {
  file: 'test/integration/billing.test.ts',
  title:
    'is the set of records that each partner had, to the message and the byte, over cuts, aborted records, holes of compaction, a filter and a killed gateway',
}
const MUTUAL = {
  file: LISTENERS,
  title: 'mutual TLS serves who has a certificate of the authority, and denies who has none or another',
}
const CREDENTIALS = {
  file: LISTENERS,
  title: 'client credentials get a token once for all connections, and another before it ends',
}
const TRUST = {
  file: LISTENERS,
  title: 'TLS serves who trusts the authority, and names what is missing to who does not',
}
const PASSWORD = {
  file: SASL,
  title: '${mechanism} lets in who knows the password, and again when the session has ended',
}

/** What needs a broker, a store or a clock of its own is shown where those are. */
const ELSEWHERE: Cases = {
  clusters: EARTHQUAKES,
  'clusters.*.brokers': EARTHQUAKES,
  'clusters.*.ssl': { ...TRUST, as: 'ca()' },
  'clusters.*.ssl.caFile': TRUST,
  'clusters.*.ssl.certFile': MUTUAL,
  'clusters.*.ssl.keyFile': MUTUAL,
  'clusters.*.ssl.serverName': {
    file: LISTENERS,
    title: 'a certificate for another name is refused by name, until that is the one expected',
  },
  'clusters.*.sasl': PASSWORD,
  'clusters.*.sasl.mechanism': {
    file: LISTENERS,
    title: 'a mechanism that the listener does not offer is named with those that it does',
  },
  'clusters.*.sasl.username': PASSWORD,
  'clusters.*.sasl.password': PASSWORD,
  'clusters.*.sasl.passwordFile': {
    file: 'test/config.test.ts',
    title: 'a password comes from a file or the environment, never from the configuration, and is never shown',
  },
  'clusters.*.sasl.tokenFile': {
    file: LISTENERS,
    title: 'a token from a file lets in, and the file is read again at each login',
  },
  'clusters.*.sasl.tokenEndpoint': CREDENTIALS,
  'clusters.*.sasl.clientId': CREDENTIALS,
  'clusters.*.sasl.clientSecretFile': CREDENTIALS,
  'clusters.*.sasl.scope': CREDENTIALS,
  'redis.url': {
    file: 'test/integration/quota.test.ts',
    title:
      'of 500 brings exactly 500 in a window, tells until when it pauses, and brings the next 500 in the next one, each record once',
    as: 'redis: { url:',
  },
  'usage.cluster': BILLING,
  'usage.topic': BILLING,
  'usage.journal.bytesMax': {
    file: 'test/usage/journal.test.ts',
    title: 'takes all of a flush or none, and no more than it may hold',
  },
  'database.url': { ...BILLING, as: 'WEIR_DATABASE_URL' },
  'consumers[].agreements[].product': {
    file: 'test/access/consumers.test.ts',
    title: 'an agreement gives its plan, under an id that stays',
  },
  portal: { file: 'test/assembly/portal.test.ts', title: 'is there unless the operator says no', as: 'WEIR_PORTAL' },
  'limits.sessionBufferBytesMax': {
    file: 'test/stream/hub.test.ts',
    title: 'a socket that rides several views is never given more in one turn than it has room for',
  },
  'limits.stuckMsMax': {
    file: 'test/integration/slow.test.ts',
    title: 'at all is closed as slow after stuckMsMax, and holds bounded memory until then',
  },
  'limits.replaySlotsMax': {
    file: 'test/stream/replay.test.ts',
    title: 'reads at most so many at once, the others in the order in which they came',
  },
}

describe('keys of weir.yaml', () => {
  let limits: KeyWorld
  let places: KeyWorld
  let access: KeyWorld
  let signers: Signers
  const own = {
    ...limitCases(() => limits),
    ...placeCases(() => places),
    ...accessCases(
      () => access,
      () => signers,
    ),
  }
  const cases: Cases = { ...ELSEWHERE, ...own }
  before(async () => {
    limits = await KeyWorld.start(LIMITS)
    const { yaml, address } = await placesYaml()
    places = await KeyWorld.start(yaml, address)
    const made = await accessYaml()
    signers = made.signers
    access = await KeyWorld.start(made.yaml, undefined, limits)
  })
  after(async () => {
    for (const world of [limits, places, access]) await world?.gateway.drain()
  })

  it('each has a case here, and each case a key', () => {
    assert.deepEqual(
      Object.keys(cases).toSorted(),
      referenceRows()
        .map(({ key }) => key)
        .toSorted(),
    )
  })

  for (const [key, one] of Object.entries(cases)) {
    if ('run' in one) it(`${key}: ${one.it}`, one.run)
    else it(`${key}: as ${one.file} shows`, () => assertShown(key, one))
  }
})

function assertShown(key: string, { file, title, as }: Linked): void {
  const text = readFileSync(join(packageRoot, file), 'utf8')
  assert.ok(titlesIn(text).includes(title), `${file} has no test «${title}»`)
  const named = as ?? key.split('.').at(-1) ?? key
  assert.ok(text.includes(named), `${file} does not name ${named}`)
}

function titlesIn(text: string): readonly string[] {
  return [...text.matchAll(/\b(?:it|test)\(\s*(['`])(.*?)\1,/g)].map(([, , title]) => title as string)
}
