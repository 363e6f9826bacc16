import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { HOSTILE } from '../portal/hostile.ts'
import { kafkaBrokers } from '../services/use.ts'
import { openChromium } from './support/browser.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { hostileSpecs } from './support/hostileSpecs.ts'
import { PortalPage } from './support/portalPage.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const RECORDS = 200
const ROWS_MAX = 50

describe('the portal over Kafka', () => {
  let browser: Browser
  let topic: Topic
  let gateway: GatewayProcess
  before(async () => {
    topic = await Topic.create(kafkaBrokers(), 1)
    await topic.produce(earthquakes().slice(0, RECORDS))
    gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name })
    browser = await openChromium()
  })
  after(async () => {
    await browser?.close()
    await gateway?.stop('SIGKILL')
    await topic?.close()
  })
  /** At the stream, with a token in the field. */
  const ready = async (url = gateway.url, token?: string): Promise<PortalPage> => {
    const one = await PortalPage.open(browser, `${url}/p/earthquakes`)
    await one.page.fill('[data-of=token]', token ?? (await gateway.token()))
    return one
  }

  it('from the catalogue to the records of Kafka by keys alone, with a token that was pasted and is kept nowhere', async () => {
    const one = await PortalPage.open(browser, `${gateway.url}/`)
    const { page } = one
    await page.keyboard.press('Tab')
    assert.equal(await one.evaluate('document.activeElement.className'), 'skip')
    await page.focus('text=Earthquakes')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/p/earthquakes')
    const token = await gateway.token()
    await page.selectOption('[data-of=from]', 'earliest')
    await page.focus('[data-of=token]')
    await page.keyboard.insertText(`Bearer ${token}`)
    await page.keyboard.press('Enter')
    await one.untilCount(RECORDS)
    assert.match(await one.said('state'), /^open, plan pro$/)
    assert.match(await one.said('cursor'), /^w1\./)
    const newest = Array.from({ length: ROWS_MAX }, (_, i) => `0-${RECORDS - 1 - i}`)
    assert.deepEqual(await one.ids(), newest)
    const shown = await page.textContent('.frames .record pre')
    assert.equal(shown, earthquakes()[RECORDS - 1]?.value)
    assert.ok(
      one.asked.every((url) => url.startsWith(gateway.url) || url.startsWith(gateway.url.replace('http', 'ws'))),
    )
    assert.ok(!one.asked.join().includes(token.slice(0, 20)), 'no address holds the token')
    const kept = await one.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')
    assert.equal(kept, '[{},{},""]')
    one.assertNothingWrong()
    await one.close()
  })

  it('held, it lets go of the connection and loses nothing: what came meanwhile follows, each once; what was deleted is told', async () => {
    const own = await Topic.create(kafkaBrokers(), 1)
    // Else it would keep in memory what the topic drops, and nothing would be missing.
    const limits = { lingerMs: 0 }
    const other = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: own.name, issuer: gateway, limits })
    try {
      await own.produce(earthquakes().slice(0, 10))
      const one = await ready(other.url)
      await one.page.selectOption('[data-of=from]', 'earliest')
      await one.page.click('[data-of=go]')
      await one.untilCount(10)
      await one.page.click('text=Pause')
      await one.untilSaid('state', /^held by you$/)
      await until('it to be gone', async () => (await other.metric('weir_connections')) === 0)
      await own.produce(earthquakes().slice(10, 25))
      await one.page.click('text=Continue')
      await one.untilCount(25)
      assert.deepEqual((await one.ids()).length, 25)
      await one.page.click('text=Pause')
      await until('nobody to follow the topic', async () => (await other.metric('weir_tails')) === 0 || null)
      await own.produce(earthquakes().slice(25, 35))
      await own.deleteBefore(0, 30)
      await one.page.click('text=Continue')
      await one.untilCount(30)
      assert.match(
        (await one.page.textContent('.frames .gap')) ?? '',
        /^Gap: up to 5 records will never come \(\w+, of /,
      )
      await one.page.click('text=Pause')
      await one.page.click('text=Start over')
      assert.deepEqual([await one.said('count'), await one.said('cursor'), (await one.ids()).length], ['0', '–', 0])
      one.assertNothingWrong()
      await one.close()
    } finally {
      await other.stop('SIGKILL')
      await own.close()
    }
  })

  it('filters, fields and everything else that is wrong are told in the gateway’s own words', async () => {
    const one = await ready()
    const refusal = (): Promise<string | null> => one.page.textContent('.refusal')
    await one.page.fill('[data-of=where]', 'magnitud=ge=4')
    await one.page.click('[data-of=go]')
    await one.untilSaid('state', /^ended$/)
    assert.match((await refusal()) ?? '', /`where` names `magnitud`.*did you mean `magnitude`\?.*bad-parameter$/)
    await one.page.fill('[data-of=where]', 'magnitude=ge=4')
    await one.page.fill('[data-of=fields]', 'id,magnitude')
    await one.page.selectOption('[data-of=from]', 'earliest')
    await one.page.click('[data-of=go]')
    await one.untilSaid('count', /^[1-9]/)
    assert.match((await one.page.textContent('.frames pre')) ?? '', /^\{"id":"\w+","magnitude":[4-9][\d.]*\}$/)
    assert.equal(await one.page.isVisible('.refusal'), false)
    await one.close()
    for (const [token, words] of [
      ['', /There is no token/],
      ['a b', /no JWT/],
      ['a.b.c', /unauthenticated$/],
    ] as const) {
      const two = await ready(gateway.url, token)
      await two.page.click('[data-of=go]')
      await two.untilSaid('state', /^ended$/)
      assert.match((await two.page.textContent('.refusal')) ?? '', words)
      two.assertNothingWrong()
      await two.close()
    }
  })

  it('where its token runs out it says so, and goes on with the next one behind the last record', async () => {
    const one = await ready(gateway.url, await gateway.token(2_000))
    await one.page.selectOption('[data-of=from]', 'earliest')
    await one.page.click('[data-of=go]')
    await one.untilSaid('state', /^ended$/)
    assert.match((await one.page.textContent('.refusal')) ?? '', /Paste a new token, and continue\. token-expired$/)
    const count = await one.said('count')
    await one.page.fill('[data-of=token]', await gateway.token())
    await one.page.click('text=Continue')
    await one.untilSaid('state', /^open/)
    assert.deepEqual([count, await one.said('count')], [String(RECORDS), String(RECORDS)])
    one.assertNothingWrong()
    await one.close()
  })

  it('a spent allowance is told with the time when it goes on', async () => {
    const terms = { windows: '{ per: P1D, messages: 20 }', onLimit: 'pause' } as const
    const poor = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name, terms, issuer: gateway })
    try {
      const one = await ready(poor.url)
      await one.page.selectOption('[data-of=from]', 'earliest')
      await one.page.click('[data-of=go]')
      await one.untilSaid('state', /^paused \(quota\) until \d{4}-\d\d-\d\dT00:00:00\.000Z$/)
      assert.equal(await one.said('count'), '20')
      const notices = (): Promise<string> =>
        one.page.$$eval('.frames .notice', (nodes) => nodes.map(({ textContent }) => textContent).join('\n'))
      await until('that nothing is lost', async () => (await notices()).includes('Nothing is lost'))
      // That most of it is spent may be said a moment later.
      await until('that most is spent', async () => (await notices()).includes('80 % of 20 messages'))
      one.assertNothingWrong()
      await one.close()
    } finally {
      await poor.stop('SIGKILL')
    }
  })

  it('hostile words in a document, in payloads and in keys run nothing and become no element', async () => {
    const own = await Topic.create(kafkaBrokers(), 1)
    await own.produce(HOSTILE.map((text) => ({ key: text, value: JSON.stringify({ text, [text]: text }) })))
    const hostile = await GatewayProcess.start({ brokers: kafkaBrokers(), specs: hostileSpecs(own.name) })
    const visit = (path: string): Promise<PortalPage> => PortalPage.open(browser, hostile.url + path)
    const assertHarmless = async (one: PortalPage): Promise<void> => {
      assert.equal(await one.evaluate('typeof pwned'), 'undefined')
      const count = (tag: string): Promise<number> => one.evaluate(`document.querySelectorAll('${tag}').length`)
      assert.deepEqual([await count('img'), await count('iframe, svg, textarea, style, b')], [1, 0])
      assert.ok((await count('script')) <= 1)
      const links = await one.evaluate<string[]>('[...document.links].map((link) => link.protocol)')
      assert.deepEqual(
        links.filter((protocol) => !/^(?:https?|mailto):$/.test(protocol)),
        [],
      )
      one.assertNothingWrong()
      await one.close()
    }
    try {
      await assertHarmless(await visit('/'))
      const one = await visit('/p/evil')
      assert.ok(
        ((await one.page.textContent('main')) ?? '').includes(HOSTILE[0] as string),
        'it is shown as it was written',
      )
      await one.page.fill('[data-of=token]', await hostile.token())
      await one.page.selectOption('[data-of=from]', 'earliest')
      await one.page.click('[data-of=go]')
      await one.untilCount(HOSTILE.length)
      assert.ok(((await one.page.textContent('.frames')) ?? '').includes('onerror='))
      await one.page.hover('.frames li')
      await assertHarmless(one)
    } finally {
      await hostile.stop('SIGKILL')
      await own.close()
    }
  })
})
