import { chromium, type Browser } from 'playwright-core'
import { provideChromium } from '../../services/chromium.ts'

/** Nothing goes over the wire but what the page under test sends, and no window is opened. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A headless Chromium with a new, empty profile; whoever opens it closes it. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: provideChromium(), args: FLAGS })
}
