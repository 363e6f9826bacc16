import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import type { Config } from '../../config.ts'
import type { System } from './examination.ts'
import { isLoopback, reachableHost } from './network.ts'
import { fail, ok, warn, type Verdict } from './verdict.ts'

interface Place {
  readonly host: string
  readonly port: number
}

export async function examinePorts(system: System, { listen, control, access }: Config): Promise<void> {
  await system.check('listen', (signal) => portVerdict('listen', listen, signal))
  await system.check('control', (signal) => portVerdict('control', control, signal))
  await system.check('control-host', async () => controlVerdict(control))
  await system.check('public-url', () => publicVerdict(listen))
  if (access.issuers.length === 0) await system.check('development-issuer', async () => developmentVerdict(listen))
}

async function portVerdict(key: 'listen' | 'control', place: Place, signal: AbortSignal): Promise<Verdict> {
  const { host, port } = place
  const shown = `${key} ${host}:${port}`
  if (port === 0) return ok(`${key} takes any free port of ${host}`)
  const code = await tryToListen(place)
  const other = `correct ${key}.host (WEIR_${key.toUpperCase()}_HOST)`
  switch (code) {
    case null:
      return ok(`${shown} is free`)
    case 'EADDRINUSE':
      if (await isWeir(place, signal)) return ok(`${shown} is taken by a gateway that runs`)
      return fail(
        `${shown} is taken by another program`,
        `end it, or set ${key}.port (WEIR_${key.toUpperCase()}_PORT) to a free one`,
      )
    case 'EACCES':
      return fail(
        `${shown} is not for this user`,
        `set ${key}.port above 1023, or allow it (CAP_NET_BIND_SERVICE), and put a proxy on the low port`,
      )
    case 'EADDRNOTAVAIL':
      return fail(`${host} is no address of this machine`, other)
    default:
      return fail(`${shown} cannot be listened on (${code})`, other)
  }
}

/** The system's code, or null where it is free; nobody is let in meanwhile. */
function tryToListen({ host, port }: Place): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port }, () => server.close(() => resolve(null)))
  })
}

async function isWeir({ host, port }: Place, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(`http://${reachableHost(host)}:${port}/healthz`, { signal, redirect: 'error' })
    return ((await answer.json()) as { readonly status?: unknown } | null)?.status === 'ok'
  } catch {
    // Whoever it is does not speak as we do.
    return false
  }
}

function controlVerdict({ host }: Place): Verdict {
  if (host !== '0.0.0.0' && host !== '::') return ok(`control listens on ${host} alone`)
  return warn(
    `control listens on all addresses: metrics and health may be read from wherever this machine is reached`,
    'set control.host (WEIR_CONTROL_HOST) to an address of your own network, or keep others out by a firewall',
  )
}

async function publicVerdict({ publicUrl, host }: Config['listen']): Promise<Verdict> {
  const set = 'set listen.publicUrl (WEIR_LISTEN_PUBLICURL) to the https address that partners use'
  if (publicUrl === null) {
    if (isLoopback(host)) return ok('no public address, and only this machine can connect')
    return warn('listen.publicUrl is not set: partners would be told an address of this machine', set)
  }
  const { protocol, hostname } = new URL(publicUrl)
  if (isLoopback(hostname)) {
    if (isLoopback(host)) return ok(`${publicUrl} is this machine, and only it can connect`)
    return warn(`${publicUrl} is another machine for each who reads it`, set)
  }
  if (protocol === 'http:') return warn(`${publicUrl} shows tokens to whoever is on the way`, set)
  try {
    await lookup(hostname.replace(/^\[|\]$/g, ''))
    return ok(`partners are told ${publicUrl}`)
  } catch {
    return warn(`${hostname} of listen.publicUrl cannot be looked up from here`, `make the name known, or ${set}`)
  }
}

function developmentVerdict({ host }: Place): Verdict {
  if (isLoopback(host)) return ok('the development issuer is on, and only this machine can connect')
  return warn(
    `the development issuer is on, and listen.host is ${host}: whoever can read dataDir lets anybody in`,
    'name your issuers in access.issuers, or listen on 127.0.0.1 (WEIR_LISTEN_HOST)',
  )
}
