import type { FieldType, FilterField, Stream } from '../catalog/plan.ts'
import { nearest } from '../drivers/nearest.ts'
import { isFault, parseQuery, type Operator, type Query } from '../drivers/query.ts'
import { SchemaPlaces, type Said } from '../drivers/schemaPlaces.ts'
import { refuse, type Refusal } from '../errors.ts'
import { canonical, simplify, type Condition, type Scalar } from '../stream/condition.ts'
import { instantOf } from '../stream/instant.ts'
import { keptOf, type Kept } from '../stream/projection.ts'
import { printable } from './parameters.ts'

/** Which records of a stream, and what of them: `where` and `fields`, understood. */
export interface Selection {
  /** `null`: all records. */
  readonly condition: Condition | null
  /** `null`: whole payloads. */
  readonly kept: Kept | null
  /** Of `kept` alone. */
  readonly keptKey: string
  /** Equal within a stream iff the selections are, however they were written; `''` for everything. */
  readonly key: string
}

/** As a client wrote it. */
export interface SelectionWish {
  readonly where?: string
  readonly fields?: string
}

export const SELECTION_LIMITS = {
  whereCharsMax: 2_048,
  comparisonsMax: 32,
  /** Of one `=in=` or `=out=`. */
  valuesMax: 200,
  fieldsMax: 100,
  fieldsCharsMax: 2_048,
  /** Members that one path of `fields` goes down. */
  stepsMax: 32,
  /** Of the value of one `param.<name>`. */
  paramCharsMax: 2_048,
} as const

/**
 * Reads what a client wishes of this stream. Nothing is ignored: what cannot be meant is refused as `bad-parameter`, naming the parameter.
 * `chosen` holds besides `where`.
 */
export function select(stream: Stream, wish: SelectionWish, chosen: readonly Condition[] = []): Selection | Refusal {
  const where = wish.where === undefined ? null : conditionOf(stream.filterable, wish.where)
  if (isWrong(where)) return refuse('bad-parameter', `\`where\` ${where.wrong}`, { parameter: 'where' })
  const all = where === null ? chosen : [where, ...chosen]
  const condition = all.length === 0 ? null : simplify({ all })
  const paths = wish.fields === undefined ? null : pathsOf(stream, wish.fields)
  if (isWrong(paths)) return refuse('bad-parameter', `\`fields\` ${paths.wrong}`, { parameter: 'fields' })
  const kept = paths === null ? null : keptOf(paths)
  const filter = condition === null ? '' : canonical(condition)
  const keptKey = keptText(kept)
  return { condition, kept, keptKey, key: filter === '' && kept === null ? '' : JSON.stringify([filter, keptKey]) }
}

/** What is wrong, in words that go on from the parameter's name. */
interface Wrong {
  readonly wrong: string
}

function isWrong(answer: object | null): answer is Wrong {
  return answer !== null && 'wrong' in answer
}

function conditionOf(fields: readonly FilterField[], text: string): Condition | Wrong {
  if (fields.length === 0) return { wrong: 'cannot be used here: this stream has no filterable fields.' }
  const { whereCharsMax: charsMax, comparisonsMax, valuesMax } = SELECTION_LIMITS
  const query = parseQuery(text, { charsMax, comparisonsMax, valuesMax })
  if (isFault(query)) return { wrong: `cannot be read: ${query.fault}. It is written like \`${exampleOf(fields)}\`.` }
  return understood(query, fields)
}

function understood(query: Query, fields: readonly FilterField[]): Condition | Wrong {
  if ('selector' in query) return comparisonOf(query, fields)
  const members: Condition[] = []
  for (const one of 'all' in query ? query.all : query.any) {
    const member = understood(one, fields)
    if (isWrong(member)) return member
    members.push(member)
  }
  return 'all' in query ? { all: members } : { any: members }
}

const ORDERING: ReadonlySet<Operator> = new Set(['=gt=', '=ge=', '=lt=', '=le='])

function comparisonOf(
  { selector, operator, values: texts }: Extract<Query, { selector: string }>,
  fields: readonly FilterField[],
): Condition | Wrong {
  const field = fields.find(({ name }) => name === selector)
  if (field === undefined) return { wrong: unknownField(selector, fields) }
  if (field.type === 'boolean' && ORDERING.has(operator))
    return { wrong: `compares \`${field.name}\` by ${operator}, but it is true or false: use == or !=.` }
  const values: Scalar[] = []
  for (const text of texts) {
    const value = valueOf(field.type, text)
    if (value === null) return { wrong: wrongValue(field, text) }
    values.push(value)
  }
  return { field, operator, values }
}

function unknownField(name: string, fields: readonly FilterField[]): string {
  const names = fields.map(({ name }) => name)
  const meant = nearest(name, names) ?? names.find((known) => known.split('.').at(-1) === name)
  const guess = meant === undefined ? '.' : `; did you mean \`${meant}\`?`
  return `names \`${printable(name)}\`, by which this stream cannot be filtered${guess} Filterable are: ${listed(names)}.`
}

/** How the values of a type are written. */
export const FORMS: { readonly [type in FieldType]: string } = {
  string: 'text',
  number: 'a number, written like 4.5, -3 or 1e6',
  integer: `a whole number between -${Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}, written like 42`,
  boolean: 'true or false',
  time: 'a time with its zone, written like 2026-11-22T15:00:00Z',
}

function wrongValue({ name, type }: FilterField, text: string): string {
  // In a query, `+` stands for a space: the zone of a time, and there between quotes, is the one place where that bites.
  const plus = type === 'time' && / \d{2}:?\d{2}$/.test(text) ? ' In an address, write the + of a zone as %2B.' : ''
  return `compares \`${name}\` with «${printable(text)}», but its values are ${FORMS[type]}.${plus}`
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const INTEGER = /^-?(?:0|[1-9]\d*)$/

/** `null` where the text is no value of the type. */
export function valueOf(type: FieldType, text: string): Scalar | null {
  switch (type) {
    case 'string':
      return text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : null
    case 'time':
      return instantOf(text)
    case 'number':
      return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : null
    case 'integer':
      // Beyond these, whole numbers that differ are one to JSON's readers, and `==` would be true of its neighbours.
      return INTEGER.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null
  }
}

const EXAMPLES: { readonly [type in FieldType]: string } = {
  string: '==abc',
  number: '=ge=4.5',
  integer: '=ge=4',
  boolean: '==true',
  time: '=ge=2026-11-22T15:00:00Z',
}

function exampleOf(fields: readonly FilterField[]): string {
  return fields
    .slice(0, 2)
    .map(({ name, type }) => name + EXAMPLES[type])
    .join(';')
}

type Steps = readonly string[]

function pathsOf({ schema }: Stream, text: string): readonly Steps[] | Wrong {
  const { fieldsCharsMax, fieldsMax, stepsMax } = SELECTION_LIMITS
  if (text.length > fieldsCharsMax)
    return { wrong: `has ${text.length} characters; at most ${fieldsCharsMax} are read.` }
  const items = text.split(',').map((item) => item.trim())
  if (items.length > fieldsMax) return { wrong: `has ${items.length} items; at most ${fieldsMax} are read.` }
  const places = new SchemaPlaces(schema ?? true)
  const paths = new Map<string, Steps>()
  for (const [i, item] of items.entries()) {
    const path = item.split('.')
    if (item === '')
      return {
        wrong: items.length === 1 ? `is empty; ${FIELDS_FORM}` : `has nothing at place ${i + 1}; ${FIELDS_FORM}`,
      }
    if (path.includes(''))
      return { wrong: `has «${printable(item)}», where a name beside a dot is missing; ${FIELDS_FORM}` }
    if (path.length > stepsMax)
      return { wrong: `has «${printable(item)}», which goes down more than ${stepsMax} members.` }
    if (paths.has(item)) return { wrong: `names \`${printable(item)}\` twice; name it once.` }
    const wrong = absence(path, places.at(path, 'through'))
    if (wrong !== null) return { wrong }
    paths.set(item, path)
  }
  return [...paths.values()]
}

const FIELDS_FORM = 'it is a comma list of paths, like `id,geometry.coordinates`.'

/** A schema that does not speak of a member does not exclude it. */
function absence(path: Steps, said: Said): string | null {
  if (said.says !== 'absent') return null
  const { at, known } = said
  const parent = path.slice(0, at).join('.')
  const whole = at === 0 ? 'the payload' : `\`${printable(parent)}\``
  const step = printable(path[at] ?? '')
  const names = `names \`${printable(path.join('.'))}\`, but ${whole} has no`
  if (known.length === 0) return `${names} members.`
  const meant = nearest(path[at] ?? '', known)
  const guess =
    meant === null ? '' : `; did you mean \`${[...path.slice(0, at), meant, ...path.slice(at + 1)].join('.')}\`?`
  return `${names} \`${step}\`${guess || '.'} There are: ${listed(known)}.`
}

const LISTED_CHARS_MAX = 500

/** As many as a reader has use for. */
export function listed(names: readonly string[]): string {
  let length = 0
  const some = names.filter((name) => (length += name.length + 2) <= LISTED_CHARS_MAX)
  return some.map(printable).join(', ') + (some.length < names.length ? `, and ${names.length - some.length} more` : '')
}

/** Sorted, so that equal selections have equal texts. */
function keptText(kept: Kept | null): string {
  if (kept === null) return ''
  const members = [...kept.members].map(
    ([name, below]) => JSON.stringify(name) + (below === true ? '' : keptText(below)),
  )
  return `{${members.sort().join()}}`
}
