import type { Stream, StreamParameter } from '../catalog/plan.ts'
import { nearest } from '../drivers/nearest.ts'
import { compilePattern, type Pattern } from '../drivers/pattern.ts'
import { FREE_CHARS_MAX, filledWith, isFreeFragment, isTopicName } from '../drivers/topicName.ts'
import { refuse, type Refusal } from '../errors.ts'
import type { Condition } from '../stream/condition.ts'
import { streamTag } from '../stream/cursor.ts'
import type { StreamRef } from '../stream/view.ts'
import { isRefusal } from './gate.ts'
import { printable } from './parameters.ts'
import { FORMS, listed, SELECTION_LIMITS, valueOf } from './selection.ts'

/** What a client chose by `param.<name>`: one of the stream's topics, and which of its records. */
export interface Chosen {
  /** Topics of one stream have keys of their own: their offsets, and with them ids, cursors and what is billed, are apart. */
  readonly stream: StreamRef
  /** The stream's address behind its path, as far as it tells topics apart; `''` where there is one topic alone. */
  readonly query: string
  /** Each holds. */
  readonly conditions: readonly Condition[]
}

/** As a client wrote them, by their names without `param.`. */
export type Params = ReadonlyMap<string, string>

/** Reads what a client gave against what the stream has; a default stands for what was not given. */
export function choose(stream: Stream, ref: StreamRef, given: Params): Chosen | Refusal {
  const { parameters } = stream
  for (const name of given.keys()) if (!parameters.some((one) => one.name === name)) return unknown(name, parameters)
  const inTopic = new Map<string, string>()
  const conditions: Condition[] = []
  for (const parameter of parameters) {
    const value = given.get(parameter.name) ?? parameter.default
    if (value === null) {
      if (parameter.field === null) return missing(parameter)
      continue
    }
    const one = parameter.field === null ? namedTopic(parameter, value) : equality(parameter, parameter.field, value)
    if (typeof one === 'string') inTopic.set(parameter.name, one)
    else if (isRefusal(one)) return one
    else conditions.push(one)
  }
  return inTopic.size === 0 ? { stream: ref, query: '', conditions } : withTopic(stream, ref, inTopic, conditions)
}

/** One of the family: `{name}` in the topic is the value. */
function withTopic(stream: Stream, ref: StreamRef, values: Params, conditions: readonly Condition[]): Chosen | Refusal {
  const topic = filledWith(stream.topic, (name) => values.get(name) ?? '')
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
  const [first] = sorted
  if (!isTopicName(topic)) return bad(first?.[0] ?? '', 'makes no name of a topic together with the others.')
  const query = (prefix: string): string =>
    `?${sorted.map(([name, value]) => `${prefix}${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`
  const key = ref.key + query('')
  return { stream: { key, tag: streamTag(key), topic }, query: query('param.'), conditions }
}

function namedTopic(parameter: StreamParameter, value: string): string | Refusal {
  const wrong = disallowed(parameter, value)
  if (wrong !== null) return wrong
  if (parameter.values !== null || isFreeFragment(value)) return value
  return bad(
    parameter.name,
    `is 1 to ${FREE_CHARS_MAX} letters, digits, \`.\`, \`_\`, \`-\`; «${printable(value)}» is not.`,
  )
}

function equality(
  parameter: StreamParameter,
  field: NonNullable<StreamParameter['field']>,
  text: string,
): Condition | Refusal {
  const wrong = disallowed(parameter, text)
  if (wrong !== null) return wrong
  const value = valueOf(field.type, text)
  if (value !== null) return { field, operator: '==', values: [value] }
  // In a query, `+` stands for a space: the zone of a time is the one place where that bites.
  const plus =
    field.type === 'time' && / \d{2}:?\d{2}$/.test(text) ? ' In an address, write the + of a zone as %2B.' : ''
  return bad(parameter.name, `is ${FORMS[field.type]}; «${printable(text)}» is not.${plus}`)
}

/** By what the document allows. */
function disallowed(parameter: StreamParameter, value: string): Refusal | null {
  const { name, values } = parameter
  const { paramCharsMax } = SELECTION_LIMITS
  if (value.length > paramCharsMax)
    return bad(name, `has ${value.length} characters; at most ${paramCharsMax} are read.`)
  if (values !== null && !values.includes(value)) {
    const meant = nearest(value, values)
    const guess = meant === null ? '' : ` Did you mean \`${printable(meant)}\`?`
    return bad(name, `is one of ${listed(values)}; «${printable(value)}» is none of them.${guess}`)
  }
  if (patternOf(parameter)?.test(value) ?? true) return null
  return bad(name, `matches the pattern ${printable(parameter.pattern ?? '')}; «${printable(value)}» does not.`)
}

const patterns = new WeakMap<StreamParameter, Pattern>()

function patternOf(parameter: StreamParameter): Pattern | null {
  if (parameter.pattern === null) return null
  const known = patterns.get(parameter)
  if (known !== undefined) return known
  const pattern = compilePattern(parameter.pattern)
  patterns.set(parameter, pattern)
  return pattern
}

function missing({ name, values }: StreamParameter): Refusal {
  const allowed = values === null ? '' : ` One of: ${listed(values)}.`
  return bad(name, `is needed: it chooses which of the stream's topics is read.${allowed}`)
}

function unknown(name: string, parameters: readonly StreamParameter[]): Refusal {
  const names = parameters.map((one) => one.name)
  if (names.length === 0) return bad(name, 'is unknown: this stream has no parameters of its own.')
  const meant = nearest(name, names)
  const guess = meant === null ? '.' : `; did you mean \`param.${meant}\`?`
  return bad(name, `is unknown to this stream${guess} There are: ${listed(names.map((one) => `param.${one}`))}.`)
}

/** `words` go on from the parameter's name. */
function bad(name: string, words: string): Refusal {
  const parameter = `param.${printable(name)}`
  return refuse('bad-parameter', `\`${parameter}\` ${words}`, { parameter })
}
