import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WHAT_IS_BILLED } from '../gateway/billing/report.ts'
import { configSchema } from '../gateway/config/schema.ts'
import { formatBytes } from '../gateway/config/units.ts'
import { ERRORS, rowOf, type ErrorCode } from '../gateway/errors.ts'
import { packageRoot } from '../gateway/package.ts'
import { CURSOR_CHARS_MAX } from '../gateway/stream/cursor.ts'
import { NARROW_PARTITIONS_MAX, WIDE_CURSOR_EVERY } from '../gateway/stream/view.ts'
import { ID_CHARS_MAX } from '../gateway/transport/clientFrame.ts'
import { CONTRACT, whyNot, type Kind, type Place, type Row } from '../gateway/transport/contract.ts'
import { PAGE_LIMIT_MAX } from '../gateway/transport/parameters.ts'
import { SELECTION_LIMITS } from '../gateway/transport/selection.ts'

/** docs/protocol.md, whole: the prose of scripts/protocol.md with the tables of the code in its places `{{…}}`. */
export function protocolReference(): string {
  const prose = readFileSync(join(packageRoot, 'scripts', 'protocol.md'), 'utf8')
  return prose.replace(/\{\{([^}]+)\}\}/g, (_, place: string) => {
    const render = PLACES[place]
    if (render === undefined) throw new Error(`scripts/protocol.md has a place «${place}» that nothing fills`)
    return render()
  })
}

const PLACES: { readonly [place: string]: () => string } = {
  address: () =>
    table(
      ['address', 'what'],
      cells('address', (name, row) => [code(name), row.meaning]),
    ),
  parameter: () =>
    table(
      ['name', 'form', 'in', 'meaning'],
      cells('parameter', (name, { form = '', at = [], meaning }) => [code(name), form, whereOf(at), meaning]),
    ),
  format: () =>
    table(
      ['format', 'in', 'a record is'],
      cells('format', (name, { at = [], meaning }) => [code(name), whereOf(at), meaning]),
    ),
  subprotocol: () =>
    table(
      ['subprotocol', 'meaning'],
      cells('subprotocol', (name, { meaning }) => [code(name), meaning]),
    ),
  'client frame': () =>
    table(
      ['frame', 'meaning'],
      cells('client frame', (name, { form = code(name), meaning }) => [form, meaning]),
    ),
  'server frame': () =>
    table(
      ['frame', 'in', 'meaning'],
      cells('server frame', (name, { form = code(name), at = [], meaning }) => [form, initialsOf(at), meaning]),
    ),
  'gap reason': () => words('gap reason'),
  'pause reason': () => words('pause reason'),
  'invalid reason': () => words('invalid reason'),
  'notice kind': () => words('notice kind'),
  'subscribed reason': () => words('subscribed reason'),
  'error code': errors,
  limits,
  whatIsBilled: () => WHAT_IS_BILLED,
  heartbeatMs: () => seconds('heartbeatMs'),
  authMsMax: () => seconds('authMsMax'),
  frameBytesMax: () => formatBytes(preset('frameBytesMax')),
  framesPerSecondMax: () => String(preset('framesPerSecondMax')),
  narrowPartitionsMax: () => String(NARROW_PARTITIONS_MAX),
  wideCursorEvery: () => String(WIDE_CURSOR_EVERY),
  cursorCharsMax: () => String(CURSOR_CHARS_MAX),
}

/** Every row of a table; those without effect yet say so, and why. */
function cells(kind: Kind, render: (name: string, row: Row) => readonly string[]): readonly (readonly string[])[] {
  return Object.entries<Row>(CONTRACT[kind]).map(([name, row]) => marked(kind, name, render(name, row)))
}

function marked(kind: Kind, name: string, row: readonly string[]): readonly string[] {
  const why = whyNot(kind, name)
  return why === null ? row : [...row.slice(0, -1), `${row.at(-1)} — *not served yet*: ${why}`]
}

function words(kind: Kind): string {
  return cells(kind, (name, { meaning }) => [code(name), meaning])
    .map(line)
    .join('\n')
}

function errors(): string {
  const head = ['code', 'HTTP', 'WebSocket', 'retry', 'closes the session', 'meaning']
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((name) => {
    const { status, close, retry, closesSession, title } = rowOf(name)
    const link = `[${name}](errors.md#${name})`
    return marked('error code', name, [
      link,
      String(status || '–'),
      String(close),
      retry,
      closesSession ? 'yes' : '',
      title,
    ])
  })
  return table(head, rows)
}

type Limit = keyof (typeof configSchema)['properties']['limits']['properties']

function limits(): string {
  const bounds: readonly (readonly [what: string, bound: string, key?: Limit])[] = [
    ['a frame of the client', formatBytes(preset('frameBytesMax')), 'frameBytesMax'],
    ['frames of a client in a second', String(preset('framesPerSecondMax')), 'framesPerSecondMax'],
    ['subscriptions of a session', String(preset('subscriptionsPerSessionMax')), 'subscriptionsPerSessionMax'],
    ['time for the first token', seconds('authMsMax'), 'authMsMax'],
    ['time between signs of life', seconds('heartbeatMs'), 'heartbeatMs'],
    ['time that a connection may take nothing', seconds('stuckMsMax'), 'stuckMsMax'],
    ['a record; a larger one is `invalid`', formatBytes(preset('recordBytesMax')), 'recordBytesMax'],
    ['id of a subscription', `${ID_CHARS_MAX} characters`],
    ['records of a page', String(PAGE_LIMIT_MAX)],
    ['`where`', `${SELECTION_LIMITS.whereCharsMax} characters, ${SELECTION_LIMITS.comparisonsMax} comparisons`],
    ['values of one `=in=` or `=out=`', String(SELECTION_LIMITS.valuesMax)],
    ['the value of a `param.<name>`', `${SELECTION_LIMITS.paramCharsMax} characters`],
    ['`fields`', `${SELECTION_LIMITS.fieldsCharsMax} characters, ${SELECTION_LIMITS.fieldsMax} paths`],
    ['a cursor', `${CURSOR_CHARS_MAX} characters`],
  ]
  return table(
    ['what', 'at most', 'set by'],
    bounds.map(([what, bound, key]) => [what, bound, key === undefined ? '' : code(`limits.${key}`)]),
  )
}

function preset(key: Limit): number {
  const { default: value } = configSchema.properties.limits.properties[key] as { readonly default?: unknown }
  if (typeof value !== 'number') throw new Error(`limits.${key} has no default`)
  return value
}

function seconds(key: Limit): string {
  return `${preset(key) / 1000} s`
}

const NAMES: { readonly [place in Place]: string } = {
  websocket: 'WebSocket',
  sse: 'SSE',
  ndjson: 'NDJSON',
  page: 'page',
  subscribe: '`subscribe`',
}

function whereOf(at: readonly Place[]): string {
  const everywhere: readonly Place[] = ['websocket', 'sse', 'ndjson', 'page']
  if (!everywhere.every((place) => at.includes(place))) return at.map((place) => NAMES[place]).join(', ')
  return at.includes('subscribe') ? 'address, `subscribe`' : 'address'
}

function initialsOf(at: readonly Place[]): string {
  return at.map((place) => NAMES[place].slice(0, 1).toUpperCase()).join(' ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function line(row: readonly string[]): string {
  return `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function code(name: string): string {
  return `\`${name}\``
}
