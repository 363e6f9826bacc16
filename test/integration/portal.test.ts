import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { pythonWithClients } from '../services/python.ts'
import { openChromium } from './support/browser.ts'
import { GatewayProcess } from './support/gatewayProcess.ts'
import { hostileSpecs } from './support/hostileSpecs.ts'
import { LOW_CONTRAST, PortalPage } from './support/portalPage.ts'
import { until } from './support/until.ts'

const PHONE = { viewport: { width: 360, height: 740 } }

describe('the portal in a browser', () => {
  let browser: Browser
  let gateway: GatewayProcess
  before(async () => {
    gateway = await GatewayProcess.start({ playbackPerSecond: 20 })
    browser = await openChromium()
  })
  after(async () => {
    await browser?.close()
    await gateway?.stop('SIGKILL')
  })
  const open = (url: string, options = {}): Promise<PortalPage> => PortalPage.open(browser, url, options)

  it('on the machine of an embedded gateway it starts without a token, and follows what comes', async () => {
    const one = await open(`${gateway.url}/p/earthquakes`)
    await one.page.click('[data-of=go]')
    await one.untilSaid('count', /^[1-9]/)
    await one.untilSaid('rate', /^[1-9]/)
    assert.equal(await one.said('state'), 'open, plan free')
    one.assertNothingWrong()
    await one.close()
  })

  it('nothing is wider than a phone, and everything can be read there, by day and by night', async () => {
    const hostile = await GatewayProcess.start({ specs: hostileSpecs('evil.v1') })
    const pages = [
      [gateway.url, '/'],
      [gateway.url, '/p/earthquakes'],
      [gateway.url, '/p/nothing'],
      [hostile.url, '/p/evil'],
    ] as const
    try {
      for (const [url, path] of pages) {
        for (const colorScheme of ['light', 'dark'] as const) {
          const one = await open(url + path, { ...PHONE, colorScheme })
          if (path === '/p/earthquakes') {
            await one.page.selectOption('[data-of=from]', 'earliest')
            await one.page.click('[data-of=go]')
            await one.untilSaid('count', /^[1-9]/)
          }
          for (const details of await one.page.$$('summary')) await details.click()
          const [width, room] = await one.evaluate<[number, number]>(
            '[document.documentElement.scrollWidth, innerWidth]',
          )
          assert.ok(width <= room, `${path} is ${width} px wide`)
          assert.deepEqual(await one.evaluate(LOW_CONTRAST), [], `${path} ${colorScheme}`)
          if (path !== '/p/nothing') one.assertNothingWrong()
          await one.close()
        }
      }
    } finally {
      await hostile.stop('SIGKILL')
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
    const one = await open(`${gateway.url}/p/earthquakes`)
    const token = await gateway.token()
    const env = { ...process.env, TOKEN: token }
    const shell = spawn('/bin/sh', ['-c', `exec ${(await one.recipe('curl')).replace('curl', 'curl -s')}`], { env })
    const python = spawn(pythonWithClients(), ['-c', await one.recipe('python')], { env })
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
    const one = await open(`${gateway.url}/p/earthquakes`, { permissions: ['clipboard-read', 'clipboard-write'] })
    await one.page.click('#curl .copy')
    await until('it to be copied', async () => (await one.page.textContent('#curl .copy')) === 'Copied')
    assert.equal(await one.evaluate('navigator.clipboard.readText()'), await one.recipe('curl'))
    one.assertNothingWrong()
    await one.close()
  })

  it('an operator turns it off by a word, and nothing else with it', async () => {
    const without = await GatewayProcess.start({ config: { portal: false } })
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
      await without.stop('SIGKILL')
    }
  })
})
