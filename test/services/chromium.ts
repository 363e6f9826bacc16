import { canInstall, install } from './apt.ts'
import { which } from './child.ts'

/** As distributions call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The path of a Chromium on this machine; on Debian as root it is installed where there is none. Throws where it is nowhere. */
export function provideChromium(): string {
  const path = found()
  if (path !== null) return path
  if (canInstall()) install(['chromium'])
  const installed = found()
  if (installed !== null) return installed
  throw new Error(
    'Some tests drive a real browser, and chromium is not there: install it (Debian: apt-get install chromium)',
  )
}

function found(): string | null {
  return NAMES.map(which).find((path) => path !== null) ?? null
}
