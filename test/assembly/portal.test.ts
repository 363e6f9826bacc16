import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAuthenticator } from '../../gateway/access/authenticator.ts'
import { openDevelopmentIssuer } from '../../gateway/access/developmentIssuer.ts'
import { openPortal } from '../../gateway/assembly/portal.ts'
import { systemClock, systemRandom } from '../../gateway/clock.ts'
import { loadConfig, type Config } from '../../gateway/config.ts'
import { silentLog } from '../../gateway/log.ts'
import { product, stream } from '../integration/support/product.ts'
import { scratchFolder } from '../services/scratch.ts'

const folder = scratchFolder('portal')
const ISSUER = {
  issuer: 'https://idp.example.com',
  audience: ['weir'],
  jwks: 'https://idp.example.com/jwks.json',
  algorithms: ['ES256'],
}
const PRODUCTS = [product({ streams: [stream({ scope: 'a' }), stream({ id: 'b', scope: 'b' }), stream({ id: 'c' })] })]

describe('the portal as it is configured', () => {
  const open = (env: { [name: string]: string }, more: Partial<Config> = {}) => {
    const { config, problems } = loadConfig({ env: { WEIR_DATADIR: 'data', ...env }, cwd: folder })
    assert.ok(config, JSON.stringify(problems))
    return openPortal({ ...config, ...more }, () => PRODUCTS, systemClock)
  }

  it('is there unless the operator says no', () => {
    assert.ok(open({}))
    assert.equal(open({ WEIR_PORTAL: 'false' }), null)
  })

  it('tokens are made only for recordings of our own, by an issuer of our own, where nobody else is meant to come', () => {
    assert.notEqual(open({})?.developmentToken, null)
    assert.equal(open({ WEIR_CLUSTERS_MAIN_BROKERS: 'kafka:9092' })?.developmentToken, null)
    assert.equal(open({ WEIR_LISTEN_PUBLICURL: 'https://streams.example.com' })?.developmentToken, null)
    const access = { issuers: [ISSUER], consumerClaim: null, corsOrigins: [] } as unknown as Config['access']
    const real = open({}, { access })
    assert.deepEqual([real?.developmentToken, real?.issuers], [null, ['https://idp.example.com']])
  })

  it('such a token is good for an hour, speaks for the page, and has the scopes that the streams ask for', async () => {
    const made = await open({})?.developmentToken?.()
    assert.ok(made)
    const { settings } = await openDevelopmentIssuer(`${folder}/data`, systemClock)
    const authenticator = createAuthenticator(
      { issuers: [settings] },
      { clock: systemClock, random: systemRandom, log: silentLog },
    )
    authenticator.start()
    const identity = await authenticator.authenticate(made.token)
    authenticator.close()
    assert.ok('consumer' in identity, JSON.stringify(identity))
    assert.deepEqual([identity.consumer, [...identity.scopes]], ['portal', ['a', 'b']])
    assert.ok(Math.abs(identity.expiresAt - systemClock.now() - 3_600_000) < 10_000)
  })
})
