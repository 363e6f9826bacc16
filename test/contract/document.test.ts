import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Parser } from '@asyncapi/parser'
import { loadCatalog } from '../../gateway/catalog/catalog.ts'
import { Compiler } from '../../gateway/catalog/compiler.ts'
import { systemClock } from '../../gateway/clock.ts'
import { compileSchema } from '../../gateway/drivers/schema.ts'
import { ERRORS, type ErrorCode } from '../../gateway/errors.ts'
import { packageRoot } from '../../gateway/package.ts'
import { CURSOR_CHARS_MAX } from '../../gateway/stream/cursor.ts'
import { ID_CHARS_MAX } from '../../gateway/transport/clientFrame.ts'
import { CONTRACT, NOT_SERVED, served, type Kind, type Transport } from '../../gateway/transport/contract.ts'
import { PAGE_LIMIT, PAGE_LIMIT_MAX } from '../../gateway/transport/parameters.ts'
import { SELECTION_LIMITS } from '../../gateway/transport/selection.ts'
import { messagesOf, protocol, PROTOCOL_FILE, type Schema } from './document.ts'

const { schemas } = protocol.components

describe('weir.asyncapi.yaml', () => {
  const compiler = new Compiler(systemClock)
  after(() => compiler.close())

  it('keeps the AsyncAPI specification, as the official parser reads it', async () => {
    const diagnostics = await new Parser().validate(readFileSync(PROTOCOL_FILE, 'utf8'))
    assert.deepEqual(diagnostics.filter(isError), [])
  })

  it('stands among the specs and is no product of its own', async () => {
    const specs = [join(packageRoot, 'specs')]
    const catalog = await loadCatalog({ specs, clusters: [], documentBytesMax: 1024 * 1024 }, compiler)
    assert.deepEqual(
      catalog.products.map(({ id }) => id),
      ['departures', 'earthquakes', 'weather'],
    )
    const own = catalog.findings.filter(({ file }) => file === PROTOCOL_FILE)
    assert.deepEqual(
      own.map(({ severity, code }) => [severity, code]),
      [['info', 'no-product']],
    )
  })

  it('has the addresses of streams, and both directions of a session', () => {
    const addresses = Object.values(protocol.channels).map(({ address }) => address)
    assert.deepEqual([...new Set(addresses)], ['/streams', '/streams/{product}/{stream}'])
    for (const session of ['Session', 'StreamSession']) {
      assert.deepEqual([...messagesOf(`hear${session}`).keys()], served('client frame'))
      assert.deepEqual(messagesOf(`tell${session}`), messagesOf('tellSession'))
    }
    for (const { address, messages } of Object.values(protocol.channels)) {
      const known = Object.values(messages).map(({ $ref }) => $ref.split('/').at(-1) as string)
      for (const key of known) assert.ok(key in protocol.components.messages, `${address}: ${key}`)
    }
  })

  it('has each frame of the gateway where it may come, and no other', () => {
    const others = ['cloudEvent', 'invalidCloudEvent', 'rawPayload', 'controlCloudEvent', 'page', 'problem']
    const frames = (operation: string): readonly string[] =>
      [...messagesOf(operation).keys()].filter((name) => !others.includes(name)).sort()
    const at = (...transports: readonly Transport[]): readonly string[] =>
      [...new Set(transports.flatMap((one) => served('server frame', one)))].sort()
    assert.deepEqual(frames('tellSession'), at('websocket'))
    assert.deepEqual(frames('tellStream'), at('sse', 'ndjson', 'page'))
    const wrapped = schemas['ControlCloudEvent']?.properties?.['type']?.enum as readonly string[]
    const controls = at('websocket').filter((type) => type !== 'record' && type !== 'invalid')
    assert.deepEqual([...wrapped].sort(), controls.map((type) => `io.weir.${type}`).sort())
  })

  const ENUMS: readonly (readonly [Kind, () => Schema | undefined])[] = [
    ['error code', () => schemas['ErrorCode']],
    ['format', () => schemas['Format']],
    ['invalid reason', () => schemas['InvalidReason']],
    ['subscribed reason', () => schemas['Subscribed']?.properties?.['reason']],
    ['gap reason', () => schemas['Gap']?.properties?.['reason']],
    ['pause reason', () => schemas['Paused']?.properties?.['reason']],
    ['notice kind', noticeKinds],
  ]
  for (const [kind, find] of ENUMS)
    it(`names each ${kind} that is served, and no other`, () =>
      assert.deepEqual(new Set(find()?.enum), new Set(served(kind))))

  it('names the parameters of each place, and of every code its close code and advice', () => {
    const names = (schema: string): readonly string[] => {
      const { properties = {}, patternProperties = {} } = schemas[schema] ?? {}
      const patterns = Object.keys(patternProperties as object)
      assert.ok(patterns.every((pattern) => pattern === String.raw`^param\..+$`))
      return [...Object.keys(properties), ...patterns.map(() => 'param.<name>')]
    }
    assert.deepEqual(
      [...names('StreamHeaders'), ...names('StreamQuery')].sort(),
      [...served('parameter', 'sse')].sort(),
    )
    assert.deepEqual([...names('StreamHeaders'), ...names('PageQuery')].sort(), [...served('parameter', 'page')].sort())
    const subscribe = names('Subscribe').filter((name) => !['type', 'id', 'product', 'stream'].includes(name))
    assert.deepEqual(subscribe.sort(), [...served('parameter', 'subscribe')].sort())
    const rows = (served('error code') as readonly ErrorCode[]).map((code) => ERRORS[code])
    assert.deepEqual(schemas['Closing']?.properties?.['code']?.enum, [...new Set(rows.map(({ close }) => close))])
    for (const { retry } of rows) assert.ok(schemas['Retry']?.enum?.includes(retry))
  })

  it('bounds what the code bounds', () => {
    const { limit } = schemas['PageQuery']?.properties ?? {}
    assert.deepEqual([limit?.['maximum'], limit?.['default']], [PAGE_LIMIT_MAX, PAGE_LIMIT])
    assert.equal(schemas['Page']?.properties?.['records']?.['maxItems'], PAGE_LIMIT_MAX)
    assert.equal(schemas['Cursor']?.['maxLength'], CURSOR_CHARS_MAX)
    assert.equal(schemas['SubscriptionId']?.['maxLength'], ID_CHARS_MAX)
    assert.equal(schemas['Where']?.['maxLength'], SELECTION_LIMITS.whereCharsMax)
    assert.equal(schemas['Fields']?.['maxLength'], SELECTION_LIMITS.fieldsCharsMax)
    assert.equal(schemas['Param']?.['maxLength'], SELECTION_LIMITS.paramCharsMax)
  })

  it('every schema is one, and every object of a frame is closed', () => {
    const open = ['Frame', 'FrameOfView', 'FrameWithoutView', 'Viewed', 'Unviewed', 'Untyped', 'StreamHeaders']
    for (const [name, schema] of Object.entries(schemas)) {
      const whole = JSON.stringify({ ...schema, definitions: schemas })
      compileSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/definitions/')) as object, { strict: true })
      const closed = schema['type'] !== 'object' || schema['additionalProperties'] === false
      assert.equal(closed, !open.includes(name), name)
    }
  })

  it('what is not served yet is a row of the contract', () => {
    for (const [kind, rows] of Object.entries(NOT_SERVED))
      for (const name of Object.keys(rows)) assert.ok(name in CONTRACT[kind as Kind], `${kind} «${name}»`)
  })
})

/** Spectral's scale begins with errors, at 0. */
function isError({ severity }: { readonly severity: number }): boolean {
  return severity === 0
}

function noticeKinds(): Schema {
  const token = schemas['TokenNotice']?.properties?.['kind']?.['const']
  const quota = schemas['QuotaNotice']?.properties?.['kind']?.['const']
  return { enum: [token, quota, ...(schemas['CountNotice']?.properties?.['kind']?.enum ?? [])] }
}
