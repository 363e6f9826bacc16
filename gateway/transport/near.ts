import type { Request } from './request.ts'

/**
 * Whether a request was made on this very machine, by a browser that means this machine: the connection is of loopback, no proxy
 * tells of another client, and the name that was asked for is loopback's own. A page of another site that has its name point here
 * would send its own (DNS rebinding).
 */
export function isNear({ forwarded, host }: Pick<Request, 'forwarded' | 'host'>, remote: Uint8Array): boolean {
  return isLoopback(remote) && forwarded === '' && LOOPBACK_HOST.test(host)
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** The bytes of an IPv4 or an IPv6 address. */
function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127
  if (address.length !== 16) return false
  const head = address.subarray(0, 10).every((byte) => byte === 0)
  const isMapped = address[10] === 0xff && address[11] === 0xff
  if (head && isMapped) return address[12] === 127
  return head && address.subarray(10, 15).every((byte) => byte === 0) && address[15] === 1
}
