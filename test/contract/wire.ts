import assert from 'node:assert/strict'
import { compileSchema, type Validator } from '../../gateway/drivers/schema.ts'
import { ERRORS, type ErrorCode } from '../../gateway/errors.ts'
import type { Transport } from '../../gateway/transport/contract.ts'
import { messagesOf, protocol, type Schema } from './document.ts'

/**
 * Holds whatever a gateway says to specs/weir.asyncapi.yaml: test clients pass on every frame before they keep it, so that
 * one which does not conform fails the test that saw it, whatever that test is about.
 */
export function assertFrame(at: Transport, frame: unknown, subprotocol = ''): void {
  const message = messageOf(frame)
  check(at, message, frame)
  if (at !== 'websocket') return
  const wrapped = subprotocol === CLOUD_EVENTS
  if (message === 'controlCloudEvent') {
    assert.ok(wrapped, `a CloudEvent is no control frame of the subprotocol «${subprotocol}»: ${shown(frame)}`)
    const { type, data } = frame as { type: string; data: object }
    assertAdvice({ type: type.slice(PREFIX.length), ...data })
  } else if (message !== 'record' && message !== 'invalid' && !message.endsWith('loudEvent')) {
    assert.ok(!wrapped, `a control frame of the subprotocol ${CLOUD_EVENTS} is a CloudEvent: ${shown(frame)}`)
  }
}

/** One block of an event stream. `raw`: events without a name are payloads. */
export function assertBlock({ id, event, data, retry }: Block, raw: boolean): void {
  if (data === undefined) {
    assert.equal(event, undefined, 'an event without data fires nothing')
    assert.ok(id !== undefined || retry !== undefined, 'a block says something')
    return assertCursor(id)
  }
  assertCursor(id)
  const frame = parsed(data)
  if (raw && event === undefined) return
  assertFrame('sse', frame)
  const { type, cursor } = frame as { type: string; cursor?: string }
  const record = ['record', 'invalid', 'cloudEvent', 'invalidCloudEvent'].includes(messageOf(frame))
  assert.equal(event, record && !raw ? undefined : type, `the name of the event: ${shown(frame)}`)
  if (cursor !== undefined) assert.equal(id, cursor, `the id of the event: ${shown(frame)}`)
}

export interface Block {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly retry?: string
}

export function assertPage(page: unknown): void {
  check('page', 'page', page)
}

/** The body of a refusal; `status` as the answer had it. */
export function assertProblem(body: unknown, status: number): void {
  check('page', 'problem', body)
  const { code, title, retry, status: said } = body as { code: ErrorCode; title: string; retry: string; status: number }
  const row = ERRORS[code]
  assert.deepEqual([said, title, retry], [status, row.title, row.retry])
  assert.equal(status, row.status)
}

const CLOUD_EVENTS = 'cloudevents.json'
const PREFIX = 'io.weir.'
const SHOWN_CHARS_MAX = 600

/** Which message of the document a frame claims to be. */
function messageOf(frame: unknown): string {
  assert.ok(typeof frame === 'object' && frame !== null && 'type' in frame, `a frame has a type: ${shown(frame)}`)
  const type = String(frame.type)
  if (!('specversion' in frame)) return type
  if (type === `${PREFIX}invalid`) return 'invalidCloudEvent'
  return type.startsWith(PREFIX) ? 'controlCloudEvent' : 'cloudEvent'
}

function check(at: Transport, message: string, value: unknown): void {
  const validate = validatorOf(at === 'websocket' ? 'tellStreamSession' : 'tellStream', message)
  assert.ok(validate, `there is no message «${message}» over ${at}: ${shown(value)}`)
  const breaches = validate(value)
  const words = breaches?.map(({ pointer, message: said, params }) => `${pointer} ${said} ${JSON.stringify(params)}`)
  assert.equal(breaches, null, `over ${at}, ${shown(value)} is no «${message}»:\n${words?.join('\n')}`)
  if (typeof value === 'object' && value !== null) assertAdvice(value)
}

/** What no schema says: that code, status, close code and advice are of one row. */
function assertAdvice(frame: object): void {
  const { type, code, error, status, retry } = frame as { readonly [member: string]: unknown }
  if (type === 'closing') {
    const row = ERRORS[error as ErrorCode]
    assert.deepEqual([code, retry], [row.close, row.retry], shown(frame))
  } else if (type === 'ended' || type === 'error') {
    const row = ERRORS[code as ErrorCode]
    assert.equal(retry, row.retry, shown(frame))
    if (type === 'error') assert.equal(status, row.status, shown(frame))
  }
}

function assertCursor(id: string | undefined): void {
  if (id !== undefined) assert.equal(cursor(id), null, `no cursor: ${id.slice(0, SHOWN_CHARS_MAX)}`)
}

/** `#/components/schemas/` is where AsyncAPI keeps what JSON Schema keeps in `definitions`. */
function compiled(schema: Schema): Validator {
  const { schemas } = protocol.components
  const whole = JSON.stringify({ ...schema, definitions: schemas })
  return compileSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/definitions/')) as object, {
    strict: true,
  })
}

const cursor = compiled({ allOf: [{ $ref: '#/components/schemas/Cursor' }] })
const validators = new Map<string, Validator | null>()

function validatorOf(operation: string, message: string): Validator | null {
  const key = `${operation} ${message}`
  const known = validators.get(key)
  if (known !== undefined) return known
  const payload = messagesOf(operation).get(message)?.payload
  const validator = payload === undefined ? null : compiled(payload)
  validators.set(key, validator)
  return validator
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`no JSON: ${text.slice(0, SHOWN_CHARS_MAX)}`, { cause: error })
  }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, SHOWN_CHARS_MAX)
}
