import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { compileSchema, type Validator } from '../../gateway/drivers/schema.ts'
import { packageRoot } from '../../gateway/package.ts'
import { GatewayProcess, MAIN } from './support/gatewayProcess.ts'
import { WsClient } from './support/webSocket.ts'

const run = promisify(execFile)
const DOCUMENT = join(packageRoot, 'specs', 'earthquakes', 'earthquakes.yaml')

interface View {
  readonly components: {
    readonly messages: { readonly [name: string]: { readonly payload: object } }
    readonly schemas: object
  }
}

describe('the public view of what is served', () => {
  let gateway: GatewayProcess
  let token = ''
  before(async () => {
    gateway = await GatewayProcess.start({ playbackPerSecond: 1_000 })
    token = await gateway.token()
  })
  after(() => gateway.stop())

  const fetched = async (form: string, headers = {}): Promise<string> => {
    const answer = await fetch(`${gateway.url}/products/earthquakes/asyncapi.${form}`, { headers })
    assert.equal(answer.status, 200)
    return answer.text()
  }
  const bearer = (): object => ({ Authorization: `Bearer ${token}` })

  it('is what `weir spec view` prints, but for the address', async () => {
    const local = (text: string): string =>
      text
        .replaceAll(gateway.url, 'http://127.0.0.1:8080')
        .replaceAll(gateway.url.replace('http://', ''), '127.0.0.1:8080')
    const printed = async (...args: readonly string[]): Promise<string> =>
      (await run(process.execPath, [MAIN, 'spec', 'view', DOCUMENT, ...args], { maxBuffer: 10_000_000 })).stdout
    assert.equal(local(await fetched('yaml')), await printed())
    assert.equal(local(await fetched('json')), await printed('--json'))
  })

  it('describes the frames that come: a page, and a session over WebSocket', async () => {
    const view = JSON.parse(await fetched('json', bearer())) as View
    const valid = validatorsOf(view)
    const page = await (await fetch(`${gateway.stream}?from=earliest&limit=20`, { headers: { ...bearer() } })).json()
    const { records } = page as { readonly records: readonly { readonly data: { readonly magnitude: unknown } }[] }
    assert.equal(records.length, 20)
    assert.equal(valid('events.page')(page), null)
    const events = await fetch(`${gateway.stream}?from=earliest&limit=20&format=cloudevents`, {
      headers: { ...bearer() },
    })
    assert.equal(valid('events.page')(await events.json()), null)
    const [first] = records
    for (const wrong of [
      { ...first, data: { ...first?.data, magnitude: 'big' } },
      { ...first, headers: {} },
    ])
      assert.notEqual(valid('events.page')({ ...(page as object), records: [wrong] }), null)
    const socket = new WsClient(`${gateway.stream}?from=earliest`, { token })
    await socket.open()
    assert.equal(valid('welcome')(await socket.frame('welcome')), null)
    assert.equal(valid('subscribed')(await socket.frame('subscribed')), null)
    assert.equal(valid('events.record')(await socket.frame('record')), null)
    assert.notEqual(valid('events.record')(first), null, 'a frame of a session has a view')
    socket.destroy()
  })
})

/** By the name of the message among the components. */
function validatorsOf({ components: { messages, schemas } }: View): (message: string) => Validator {
  return (message) => {
    const text = JSON.stringify({ allOf: [messages[message]?.payload], definitions: schemas })
    return compileSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/definitions/')) as object, {
      strict: false,
    })
  }
}
