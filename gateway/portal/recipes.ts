import type { Stream } from '../catalog/plan.ts'

/** Lines to copy, by which a stream is read at once: they run as they are printed, with a token in place. */
export interface Recipe {
  readonly id: string
  readonly title: string
  /** What it needs to run. */
  readonly needs: string
  readonly code: string
}

/** `url` is the stream's, http or https. */
export function recipesFor(url: string): readonly Recipe[] {
  const socket = url.replace(/^http/, 'ws')
  return [
    { id: 'curl', title: 'curl', needs: 'with the token in $TOKEN', code: curl(url) },
    { id: 'javascript', title: 'JavaScript', needs: 'in browsers, and in Node 22 and newer', code: javascript(socket) },
    { id: 'python', title: 'Python', needs: 'nothing but Python 3, with the token in $TOKEN', code: python(url) },
  ]
}

/** The stream's address, with a value for each parameter that has to be given. */
export function streamUrl(address: string, product: string, { id, parameters }: Stream): string {
  const query = parameters
    .filter((parameter) => parameter.field === null && parameter.default === null)
    .map(({ name, values, examples }) => `param.${encoded(name)}=${encoded(values?.[0] ?? examples[0] ?? 'VALUE')}`)
  return `${address}/streams/${product}/${id}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

/** What stands in quotes of a shell, JavaScript and Python alike must hold none of theirs. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replaceAll("'", '%27')
}

function curl(url: string): string {
  return `curl -N -H 'Accept: text/event-stream' -H "Authorization: Bearer $TOKEN" '${url}'`
}

function javascript(socket: string): string {
  return `const token = 'PASTE YOUR TOKEN HERE'
const socket = new WebSocket('${socket}', ['weir.v1', \`bearer.\${token}\`])
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data)
  if (frame.type === 'record') console.log(frame.id, frame.data)
  if (frame.type === 'closing') console.error(frame.error, frame.detail)
}`
}

function python(url: string): string {
  return `import json, os, urllib.request

request = urllib.request.Request(
    '${url}',
    headers={'Accept': 'application/x-ndjson', 'Authorization': f"Bearer {os.environ['TOKEN']}"},
)
for line in urllib.request.urlopen(request):
    frame = json.loads(line)
    if frame['type'] == 'record':
        print(frame['id'], frame['data'], flush=True)`
}

/** The programs of docs/reconnect.md by the names of their blocks, letter by letter: they come back after any break. */
export function printedRecipes(page: string): ReadonlyMap<string, string> {
  const blocks = [...page.matchAll(/^```(?:js )?(browser|node|python)\n([^]*?)^```$/gm)]
  return new Map(blocks.map(([, name, code]) => [name as string, (code as string).trimEnd()]))
}

/** The line that starts one of them. */
export function startOf(name: 'browser' | 'python', url: string): string {
  const socket = url.replace(/^http/, 'ws')
  if (name === 'browser')
    return `follow('${socket}', getToken, { record: ({ id, data }) => console.log(id, data), gap: console.warn })`
  return `async def show(frame):
    print(frame["id"], frame["data"])

asyncio.run(follow("${socket}", get_token, {"record": show}))`
}
