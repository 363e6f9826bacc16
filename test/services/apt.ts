import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { runToEnd, which } from './child.ts'

const POLICY = '/usr/sbin/policy-rc.d'

/** Debian or a child of it, as root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && which('apt-get') !== null
}

/** Installs packages without starting the system services in them. */
export function install(packages: readonly string[]): void {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 600_000 }
  console.error(`installing ${packages.join(', ')} by apt-get`)
  runToEnd('apt-get', ['update', '-qq'], options)
  withoutServices(() => runToEnd('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options))
}

/** 101 from this script means "not allowed" to Debian's invoke-rc.d(8). A policy that is there already stays. */
function withoutServices(run: () => void): void {
  if (existsSync(POLICY)) return run()
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    run()
  } finally {
    rmSync(POLICY, { force: true })
  }
}
