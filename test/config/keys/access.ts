import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSigner, sign, type Signer, type TokenParts } from '../../access/support.ts'
import { openLedger } from '../../../gateway/billing/ledger.ts'
import type { LedgerTables } from '../../../gateway/billing/tables.ts'
import { systemClock } from '../../../gateway/clock.ts'
import { openDatabase } from '../../../gateway/drivers/sql/database.ts'
import { PRO } from '../../billing/plans.ts'
import { testEdge } from '../../cli/support.ts'
import { scratchFolder } from '../../services/scratch.ts'
import type { Cases, KeyWorld } from './world.ts'

const ISSUER = 'https://idp.test'
const PAGE = 'https://app.example.com'

export interface Signers {
  readonly good: Signer
  /** Of the same issuer, by an algorithm that is not listed. */
  readonly other: Signer
}

export async function accessYaml(): Promise<{ readonly yaml: string; readonly signers: Signers }> {
  const signers = { good: await createSigner('good', 'ES384'), other: await createSigner('other', 'ES256') }
  const jwks = join(scratchFolder('keys'), 'jwks.json')
  writeFileSync(jwks, JSON.stringify({ keys: [signers.good.publicJwk, signers.other.publicJwk] }))
  const yaml = `specs: products
access:
  issuers: [{ issuer: "${ISSUER}", audience: streams, jwks: "${jwks}", algorithms: [ES384] }]
  consumerClaim: azp
  corsOrigins: ["${PAGE}"]
consumers:
  - { id: acme, agreements: [{ product: quakes, plan: pro }] }
  - { id: shut, suspended: true }
playback: { recordsPerSecond: 100 }
`
  return { yaml, signers }
}

/** Of a gateway with that issuer. */
export function accessCases(world: () => KeyWorld, signers: () => Signers): Cases {
  const token = (parts: TokenParts['claims'] = {}, signer = signers().good): Promise<string> => {
    const now = Math.floor(Date.now() / 1000)
    return sign(signer, { claims: { iss: ISSUER, aud: 'streams', azp: 'acme', iat: now, exp: now + 600, ...parts } })
  }
  const statusOf = async (made: string): Promise<number> => (await world().page('from=earliest', made)).status
  const planOf = async (consumer: string): Promise<string> =>
    (await world().page('from=earliest', await token({ azp: consumer }))).headers.get('ratelimit-policy') ?? ''
  return {
    'access.issuers': {
      it: 'tokens of these issuers count, and those of the development issuer do not',
      async run() {
        assert.equal(await statusOf(await token()), 200)
        assert.equal(await statusOf(await world().token()), 401)
      },
    },
    'access.issuers[].issuer': {
      it: 'a token of another `iss` is refused',
      run: async () => assert.equal(await statusOf(await token({ iss: `${ISSUER}/` })), 401),
    },
    'access.issuers[].audience': {
      it: 'a token for another `aud` is refused',
      run: async () => assert.equal(await statusOf(await token({ aud: 'weir' })), 401),
    },
    'access.issuers[].jwks': {
      it: 'a token that none of its keys signed is refused',
      run: async () => assert.equal(await statusOf(await token({}, await createSigner('good', 'ES384'))), 401),
    },
    'access.issuers[].algorithms': {
      it: 'a token that is signed by another algorithm is refused',
      run: async () => assert.equal(await statusOf(await token({}, signers().other)), 401),
    },
    'access.consumerClaim': {
      it: 'this claim names the consumer, and no other does',
      async run() {
        assert.equal(await statusOf(await token({ client_id: 'shut' })), 200)
        assert.equal(await statusOf(await token({ azp: undefined, client_id: 'acme' })), 401)
      },
    },
    'access.corsOrigins': {
      it: 'a page of this origin may read the answer, and no other may',
      async run() {
        const allowed = async (origin: string): Promise<string | null> =>
          (await world().page('from=earliest', await token(), { origin })).headers.get('access-control-allow-origin')
        assert.equal(await allowed(PAGE), PAGE)
        assert.equal(await allowed('https://evil.example.com'), null)
      },
    },
    consumers: {
      it: 'who stands there has its agreement, and who does not has the plan that is open to all',
      async run() {
        assert.match(await planOf('acme'), /q=7000000000/)
        assert.match(await planOf('nobody'), /q=1000000000/)
      },
    },
    'consumers[].id': {
      it: 'is found by the claim of the token',
      run: async () => assert.match(await planOf('acme'), /q=7000000000/),
    },
    'consumers[].name': { it: 'stands in the reports of usage', run: reportsName },
    'consumers[].agreements': {
      it: 'make the difference between two consumers that stand there',
      run: async () => assert.equal(await statusOf(await token({ azp: 'shut' })), 403),
    },
    'consumers[].agreements[].plan': {
      it: 'is the plan whose allowance the consumer has',
      run: async () => assert.match(await planOf('acme'), /q=7000000000/),
    },
    'consumers[].suspended': {
      it: 'a consumer that rests is told `forbidden`',
      run: async () => assert.equal(await statusOf(await token({ azp: 'shut' })), 403),
    },
  }
}

async function reportsName(): Promise<void> {
  const folder = scratchFolder('keys')
  writeFileSync(join(folder, 'weir.yaml'), 'specs: .\nconsumers: [{ id: acme, name: Acme Ltd }]\n')
  const place = { url: null, file: join(folder, 'data/ledger.db'), clock: systemClock }
  const ledger = await openLedger(await openDatabase<LedgerTables>(place), systemClock)
  const named = { agreement: 'acme:quakes:pro', consumer: 'acme', product: 'quakes', plan: PRO, planVersion: 'v1' }
  await ledger.rememberPlans([{ ...named, at: Date.UTC(2026, 10, 5) }])
  await ledger.close()
  const edge = testEdge(folder)
  assert.equal(await edge.run('usage', 'report', '--period', '2026-11', '--json'), 0, edge.err.text)
  const { lines } = JSON.parse(edge.out.text) as { lines: { consumerName: string }[] }
  assert.deepEqual(
    lines.map(({ consumerName }) => consumerName),
    ['Acme Ltd'],
  )
}
