import assert from 'node:assert/strict'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { until } from './until.ts'

/** A page of the portal as a reader has it, and all that went wrong in it. */
export class PortalPage {
  readonly page: Page
  /** Errors of the console, of scripts, of the network, and breaches of the policy. */
  readonly wrong: string[] = []
  /** Every address that it asked. */
  readonly asked: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.on('console', (said) => void (said.type() === 'error' && this.wrong.push(said.text())))
    page.on('pageerror', (error) => void this.wrong.push(String(error)))
    page.on('requestfailed', (request) => void this.wrong.push(`${request.url()} failed`))
    page.on('dialog', (dialog) => {
      this.wrong.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => void this.asked.push(request.url()))
    page.on('websocket', (socket) => void this.asked.push(socket.url()))
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<PortalPage> {
    const context = await browser.newContext(options)
    const opened = new PortalPage(await context.newPage())
    await opened.page.exposeFunction('tellBreach', (what: string) => void opened.wrong.push(what))
    await opened.page.addInitScript(
      `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => tellBreach(violatedDirective + ' ' + blockedURI))`,
    )
    await opened.page.goto(url)
    return opened
  }

  /** Of what the script keeps up to date: `state`, `count`, `rate`, `cursor`. */
  async said(what: string): Promise<string> {
    return (await this.page.textContent(`[data-of=${what}]`)) ?? ''
  }

  async untilSaid(what: string, pattern: RegExp): Promise<void> {
    let said = ''
    await until(
      () => `${what} to be like ${pattern}, it is ${JSON.stringify(said)}; ${this.wrong.join()}`,
      async () => pattern.test((said = await this.said(what))),
      30_000,
    )
  }

  async untilCount(count: number): Promise<void> {
    await this.untilSaid('count', new RegExp(`^${count.toLocaleString('en')}$`))
  }

  /** Ids of the records that are shown, newest first. */
  async ids(): Promise<string[]> {
    return this.page.$$eval('.frames .record .meta code:first-of-type', (nodes) =>
      nodes.map(({ textContent }) => textContent ?? ''),
    )
  }

  async evaluate<T>(code: string): Promise<T> {
    return (await this.page.evaluate(code)) as T
  }

  /** A page of code as it stands there to be copied. */
  async recipe(id: string): Promise<string> {
    return (await this.page.textContent(`#${id} code`)) ?? ''
  }

  assertNothingWrong(): void {
    assert.deepEqual(this.wrong, [])
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }
}

/** Pairs of text and ground whose contrast is less than WCAG 2.2 AA asks for (4.5, or 3 for large text), as the page is now. */
export const LOW_CONTRAST = `(() => {
  const channels = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const groundOf = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const ground = channels(getComputedStyle(at).backgroundColor)
      if (ground.length === 3 || ground[3] === 1) return ground
    }
    return [255, 255, 255]
  }
  const poor = []
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim() !== '')
    if (!own || !node.checkVisibility() || node.closest(':disabled')) continue
    const style = getComputedStyle(node)
    const [a, b] = [light(channels(style.color)), light(groundOf(node))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    const size = parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(node.tagName + ' ' + node.className + ' ' + ratio.toFixed(2))
  }
  return poor
})()`
