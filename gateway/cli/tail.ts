import { EXIT, say, type Edge, type Exit } from './edge.ts'
import { Follower } from './tail/follower.ts'

export interface TailOptions {
  readonly from?: string
  readonly where?: string
  readonly count?: string
  readonly token?: string
  readonly json?: boolean
}

/** `weir tail`: one stream on stdout, over WebSocket, resuming by itself. */
export async function tail(edge: Edge, address: string, options: TailOptions): Promise<Exit> {
  const url = streamUrl(address)
  if (typeof url === 'string') return wrong(edge, url)
  const count = options.count === undefined ? null : Number(options.count)
  if (count !== null && !(Number.isSafeInteger(count) && count > 0)) {
    return wrong(edge, `--count ${JSON.stringify(options.count)} is no number of records — give 1 or more`)
  }
  // `set`, not `append`: an option beats what the address already says.
  if (options.where !== undefined) url.searchParams.set('where', options.where)
  const token = options.token ?? (edge.env['WEIR_TOKEN'] || null)
  if (token === null) say(edge, 'weir: no token is given; streams need one — use WEIR_TOKEN or --token')
  const follower = new Follower(edge, { url, from: options.from ?? null, token, count, json: options.json ?? false })
  return follower.run()
}

function wrong(edge: Edge, message: string): Exit {
  say(edge, `weir: ${message}`)
  return EXIT.usage
}

/** The address, or what is wrong with it. */
function streamUrl(address: string): URL | string {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^(https?|wss?):$/.test(url.protocol)) {
    return `${JSON.stringify(address)} is no address of a stream — give http(s)://HOST/streams/PRODUCT/STREAM`
  }
  if (url.username !== '' || url.password !== '')
    return 'a password in the address is not used — give --token or WEIR_TOKEN'
  return url
}
