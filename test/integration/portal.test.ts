import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { ALL, HOSTILE } from '../portal/hostile.ts'
import { scratchFolder } from '../services/scratch.ts'
import { kafkaBrokers } from '../services/use.ts'
import { openChromium } from './support/browser.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { LOW_CONTRAST, PortalPage } from './support/portalPage.ts'
import { earthquakes, Topic } from './support/topic.ts'
import { until } from './support/until.ts'

const RECORDS = 200
const ROWS_MAX = 50
const PHONE = { viewport: { width: 360, height: 740 } }

describe('the portal in a browser', () => {
  let browser: Browser
  let topic: Topic
  let hostileTopic: Topic
  /** On Kafka. */
  let gateway: GatewayProcess
  /** On the embedded log: a development token for whoever sits at the machine. */
  let embedded: GatewayProcess
  let hostile: GatewayProcess
  const opened: PortalPage[] = []
  before(async () => {
    topic = await Topic.create(kafkaBrokers(), 1)
    hostileTopic = await Topic.create(kafkaBrokers(), 1)
    await topic.produce(earthquakes().slice(0, RECORDS))
    await hostileTopic.produce(HOSTILE.map((text) => ({ key: text, value: JSON.stringify({ text, [text]: text }) })))
    gateway = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: topic.name })
    embedded = await GatewayProcess.start({ playbackPerSecond: 20 })
    hostile = await GatewayProcess.start({ brokers: kafkaBrokers(), specs: hostileSpecs(hostileTopic.name) })
    browser = await openChromium()
  })
  after(async () => {
    await browser?.close()
    for (const one of [gateway, embedded, hostile]) await one?.stop()
    await topic?.close()
    await hostileTopic?.close()
  })
  const open = async (url: string, options = {}): Promise<PortalPage> => {
    const page = await PortalPage.open(browser, url, options)
    opened.push(page)
    return page
  }
  /** At the stream of Kafka's records, with a token in the field. */
  const ready = async (url = gateway.url, token?: string): Promise<PortalPage> => {
    const one = await open(`${url}/p/earthquakes`)
    await one.page.fill('[data-of=token]', token ?? (await gateway.token()))
    return one
  }

  it('from the catalogue to the records of Kafka by keys alone, with a token that was pasted and is kept nowhere', async () => {
    const one = await open(`${gateway.url}/`)
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

  it('on the machine of an embedded gateway it starts without a token, and follows what comes', async () => {
    const one = await open(`${embedded.url}/p/earthquakes`)
    await one.page.click('[data-of=go]')
    await one.untilSaid('count', /^[1-9]/)
    await one.untilSaid('rate', /^[1-9]/)
    assert.equal(await one.said('state'), 'open, plan free')
    one.assertNothingWrong()
    await one.close()
  })

  it('held, it lets go of the connection and loses nothing: what came meanwhile follows, each once; what was deleted is told', async () => {
    const own = await Topic.create(kafkaBrokers(), 1)
    const other = await GatewayProcess.start({ brokers: kafkaBrokers(), topic: own.name, issuer: gateway })
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
      await own.produce(earthquakes().slice(25, 35))
      await own.deleteBefore(0, 30)
      await one.page.click('text=Continue')
      await one.untilCount(30)
      assert.match(
        (await one.page.textContent('.frames .gap')) ?? '',
        /^Gap: up to 5 records will never come \(retention, /,
      )
      await one.page.click('text=Pause')
      await one.page.click('text=Start over')
      assert.deepEqual([await one.said('count'), await one.said('cursor'), (await one.ids()).length], ['0', '–', 0])
      one.assertNothingWrong()
      await one.close()
    } finally {
      await other.stop()
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
      [await gateway.token(-1), /token-expired$/],
    ] as const) {
      const two = await ready(gateway.url, token)
      await two.page.click('[data-of=go]')
      await two.untilSaid('state', /^ended$/)
      assert.match((await two.page.textContent('.refusal')) ?? '', words)
      two.assertNothingWrong()
      await two.close()
    }
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
      const rows = await one.page.$$eval('.frames .notice', (nodes) => nodes.map(({ textContent }) => textContent))
      assert.match(rows.join('\n'), /Nothing is lost[^]*80 % of 20 messages/)
      one.assertNothingWrong()
      await one.close()
    } finally {
      await poor.stop()
    }
  })

  it('hostile words in a document, in payloads and in keys run nothing and become no element', async () => {
    const visit = async (path: string): Promise<PortalPage> => open(hostile.url + path)
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
  })

  it('nothing is wider than a phone, and everything can be read there, by day and by night', async () => {
    const pages = [
      [embedded.url, '/'],
      [embedded.url, '/p/earthquakes'],
      [embedded.url, '/p/nothing'],
      [hostile.url, '/'],
      [hostile.url, '/p/evil'],
    ] as const
    for (const [url, path] of pages) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const one = await open(url + path, { ...PHONE, colorScheme })
        if (path === '/p/earthquakes') {
          await one.page.selectOption('[data-of=from]', 'earliest')
          await one.page.click('[data-of=go]')
          await one.untilSaid('count', /^[1-9]/)
        }
        for (const details of await one.page.$$('summary')) await details.click()
        const [width, room] = await one.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]')
        assert.ok(width <= room, `${path} is ${width} px wide`)
        assert.deepEqual(await one.evaluate(LOW_CONTRAST), [], `${path} ${colorScheme}`)
        await one.close()
      }
    }
  })

  it('without JavaScript all but the live view is there, and no form that could be sent', async () => {
    const one = await open(`${gateway.url}/p/earthquakes`, { javaScriptEnabled: false })
    const text = (await one.page.textContent('main')) ?? ''
    for (const wanted of [
      'magnitudeType',
      'curl -N',
      'EUR 49.00 a month',
      'The live view needs JavaScript',
      'us1000chhc',
    ])
      assert.ok(text.includes(wanted), wanted)
    assert.equal(await one.page.isDisabled('[data-of=token]'), true)
    assert.equal(await one.page.isDisabled('[data-of=go]'), true)
    await one.close()
  })

  it('what is printed to copy streams as it is printed: curl, Python and JavaScript', async () => {
    const one = await open(`${embedded.url}/p/earthquakes`)
    const token = await embedded.token()
    const env = { ...process.env, TOKEN: token }
    const shell = spawn('/bin/sh', ['-c', `exec ${(await one.recipe('curl')).replace('curl', 'curl -s')}`], { env })
    const python = spawn('python3', ['-c', await one.recipe('python')], { env })
    try {
      for (const [child, what] of [
        [shell, /data: \{"type":"record"/],
        [python, /^\d+(?:\.\d+)?-\d+ \{'id'/m],
      ] as const) {
        let said = ''
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', (part: string) => (said += part))
        await until(
          () => `records in ${said}`,
          () => what.test(said),
          20_000,
        )
      }
    } finally {
      shell.kill('SIGKILL')
      python.kill('SIGKILL')
    }
    const javascript = await one.recipe('javascript')
    assert.match(javascript, /'PASTE YOUR TOKEN HERE'/)
    const logged = until('a record in the console', async () => {
      const said = await one.page.waitForEvent('console', { timeout: 20_000 })
      return /^\d+(?:\.\d+)?-\d+ \{/.test(said.text()) || null
    })
    await one.page.addScriptTag({ url: `data:text/javascript,0` }).catch(() => undefined)
    await one.evaluate(`(() => { ${javascript.replace('PASTE YOUR TOKEN HERE', token)} })()`)
    await logged
    await one.close()
  })

  it('the buttons copy the code beside them', async () => {
    const one = await open(`${embedded.url}/p/earthquakes`, { permissions: ['clipboard-read', 'clipboard-write'] })
    await one.page.click('#curl .copy')
    await until('it to be copied', async () => (await one.page.textContent('#curl .copy')) === 'Copied')
    assert.equal(await one.evaluate('navigator.clipboard.readText()'), await one.recipe('curl'))
    one.assertNothingWrong()
    await one.close()
  })

  it('an operator turns it off by a word, and nothing else with it', async () => {
    const without = await GatewayProcess.start({
      brokers: kafkaBrokers(),
      topic: topic.name,
      config: { portal: false },
    })
    try {
      for (const [path, status] of [
        ['/', 404],
        ['/p/earthquakes', 404],
        ['/products', 200],
      ] as const) {
        const answer = await fetch(without.url + path)
        assert.equal(answer.status, status)
        assert.match(answer.headers.get('content-type') ?? '', /json/)
      }
    } finally {
      await without.stop()
    }
  })

  it('a gateway on Kafka gives no token to anybody, nor one with issuers of its own', async () => {
    const issuers = [
      {
        issuer: 'https://idp.example.com',
        audience: 'weir',
        jwks: join(embedded.dataDir, 'development-issuer/jwks.json'),
      },
    ]
    const real = await GatewayProcess.start({ config: { access: { issuers } } })
    const published = await GatewayProcess.start({
      config: { listen: { host: '127.0.0.1', port: 0, publicUrl: 'https://streams.example.com' } },
    })
    try {
      for (const one of [gateway, real, published]) {
        const url = one === published ? String(one.log().find(({ event }) => event === 'listening')?.['url']) : one.url
        assert.ok(url)
        if (one === published) continue
        const answer = await fetch(`${one.url}/development-token`, { method: 'POST', headers: { Origin: one.url } })
        assert.equal(answer.status, 404)
      }
    } finally {
      await real.stop()
      await published.stop()
    }
  })
})

/** A document that is valid and says hostile things wherever it has words. */
function hostileSpecs(topic: string): string {
  const folder = join(scratchFolder('hostile'), 'specs')
  mkdirSync(folder, { recursive: true })
  const words = ALL.replaceAll(/[\u0000\u001b]/g, '')
  const properties = Object.fromEntries(
    ['text', ...HOSTILE.slice(0, 7)].map((name) => [
      name,
      { type: 'string', description: words, examples: HOSTILE.slice(0, 7) },
    ]),
  )
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: words,
      version: HOSTILE[0],
      description: words,
      license: { name: HOSTILE[1], url: 'https://example.org/?"><script>pwned=1</script>' },
      'x-data-product': {
        id: 'evil',
        owner: { team: HOSTILE[2], email: 'a@example.org' },
        domain: 'geo',
        visibility: 'public',
        access: 'open',
        lifecycle: 'released',
        sla: [{ property: HOSTILE[0], value: HOSTILE[1], unit: HOSTILE[2] }],
        defaultPlan: 'free',
        plans: [{ name: 'free', price: '0', priceCurrency: 'EUR', billingDuration: 'month' }],
      },
    },
    servers: { main: { host: 'kafka:9092', protocol: 'kafka' } },
    channels: {
      events: {
        address: topic,
        title: HOSTILE[1],
        description: words,
        'x-data-product': { expose: 'read', showKey: true, filterable: ['text'], invalid: 'frame' },
        messages: {
          m: {
            name: HOSTILE[0],
            payload: { type: 'object', description: words, properties },
            examples: [{ name: HOSTILE[0], summary: words, payload: { text: words, [HOSTILE[1] as string]: words } }],
          },
        },
      },
    },
  }
  writeFileSync(join(folder, 'evil.json'), JSON.stringify(document))
  return folder
}
