import { instantMs } from '../clock.ts'
import { nearest } from '../drivers/nearest.ts'
import { compilePattern, PatternRefusal } from '../drivers/pattern.ts'
import { placeholdersOf } from '../drivers/topicName.ts'
import type { Channel } from './channels.ts'
import { fieldOf } from './filterable.ts'
import type { FieldProblem } from './filterable.ts'
import type { Findings } from './findings.ts'
import { stepsOf } from './json.ts'
import type { Parameter } from './parameters.ts'
import type { FieldType, FilterField, JsonSchema, StreamParameter } from './plan.ts'
import { fitsTopic } from './topic.ts'

/**
 * The parameters that clients may give: those in the topic choose it, the others filter by the field that their `location`
 * names. One that can do neither is told, and not offered: partners get the records of all.
 */
export function streamParametersOf(
  { topic, parameters }: Channel,
  schema: JsonSchema | null,
  findings: Findings,
): readonly StreamParameter[] {
  const chosen = placeholdersOf(topic ?? '')
  return parameters.flatMap((parameter) => {
    const { name, description, examples, values, pattern } = parameter
    const field = chosen.includes(name) ? null : filterOf(parameter, schema, findings)
    if (field === undefined) return []
    const fits = field === null ? (value: string) => fitsTopic(topic ?? '', parameter, value) : fitsField(field)
    checkValues(
      parameter,
      fits,
      field === null ? 'the name of a Kafka topic' : `a value of \`${field.name}\``,
      findings,
    )
    return [{ name, description, examples, values, pattern, default: parameter.default, field }]
  })
}

const LOCATION = /^\$message\.(header|payload)#(\/.*)$/

/** The field that a parameter filters by; `undefined` where there is none, and why is told. */
function filterOf(parameter: Parameter, schema: JsonSchema | null, findings: Findings): FilterField | undefined {
  const field = fieldFor(parameter, schema)
  if (!('message' in field)) return field
  const { severity = 'error', code, message, fix } = field
  findings.add(severity, code, [...parameter.path, 'location'], `the parameter \`${parameter.name}\` ${message}`, fix)
  return undefined
}

interface Problem extends FieldProblem {
  /** A warning where it costs partners a convenience, and the author made no mistake. */
  readonly severity?: 'warning'
}

function fieldFor({ location }: Parameter, schema: JsonSchema | null): FilterField | Problem {
  if (location === null) return WITHOUT_LOCATION
  const [, part, pointer = ''] = LOCATION.exec(location) ?? []
  const steps = stepsOf(pointer)
  if (part === undefined || steps === null) return { ...LOCATION_INVALID, message: noPlace(location) }
  if (part === 'header') return OF_HEADER
  if (schema === null) return WITHOUT_SCHEMA
  const field = fieldOf(schema, steps, 'parameter')
  return 'message' in field ? { ...field, message: `names a field of no use: ${field.message}` } : field
}

function noPlace(location: string): string {
  return `has the location ${JSON.stringify(location.slice(0, 100))}, which is no place in a message`
}

const WITHOUT_LOCATION: Problem = {
  severity: 'warning',
  code: 'parameter-without-location',
  message: 'is neither in the topic nor has it a `location`: partners get the records of all its values',
  fix: 'Name the field of the payload that it stands in: `location: $message.payload#/…`.',
}
const OF_HEADER: Problem = {
  severity: 'warning',
  code: 'parameter-of-header',
  message: 'stands in a header, by which records cannot be filtered: partners get the records of all its values',
  fix: 'Name a field of the payload that holds it as well: `location: $message.payload#/…`.',
}
const LOCATION_INVALID = {
  code: 'parameter-location-invalid' as const,
  fix: 'Write `$message.payload#/` and the members that lead to the field.',
}
const WITHOUT_SCHEMA: Problem = {
  code: 'parameter-without-schema',
  message: 'stands in the payload, and a message of the channel has no schema of it',
  fix: 'Give every message of the channel a `payload` schema.',
}

function checkValues(
  { path, values, pattern, default: standard }: Parameter,
  fits: (value: string) => boolean,
  what: string,
  findings: Findings,
): void {
  const matches = matcher(pattern, path, findings)
  const wrong = (values ?? []).find((value) => !fits(value) || !matches(value))
  if (wrong !== undefined) {
    const message = `the value ${JSON.stringify(wrong.slice(0, 100))} cannot be ${what}, or breaks the parameter's own schema`
    findings.error('parameter-value-invalid', [...path, 'enum'], message, 'Correct it, or leave it out.')
  }
  if (standard === null) return
  const at = [...path, 'default']
  const shown = JSON.stringify(standard.slice(0, 100))
  if (values !== null && !values.includes(standard)) {
    const meant = nearest(standard, values) ?? values[0] ?? ''
    findings.error('parameter-default-unknown', at, `the default ${shown} is not in \`enum\``, `Use \`${meant}\`.`)
  } else if (values === null && (!fits(standard) || !matches(standard))) {
    const message = `the default ${shown} cannot be ${what}, or breaks the parameter's own schema`
    findings.error('parameter-value-invalid', at, message, 'Correct it, or leave it out.')
  }
}

function matcher(pattern: string | null, path: Parameter['path'], findings: Findings): (value: string) => boolean {
  try {
    const compiled = pattern === null ? null : compilePattern(pattern)
    return (value) => compiled?.test(value) ?? true
  } catch (error) {
    if (!(error instanceof PatternRefusal)) throw error
    const message = `the pattern ${JSON.stringify(pattern?.slice(0, 80))} cannot be checked in bounded time: ${error.message}`
    const fix = 'Write it without lookaround, back references and large repeat counts.'
    findings.error('unsafe-pattern', path, message, fix)
    return () => true
  }
}

const LOOKS: { readonly [type in FieldType]: (value: string) => boolean } = {
  string: () => true,
  time: (value) => instantMs(value) !== null,
  boolean: (value) => /^(?:true|false)$/.test(value),
  integer: (value) => /^-?(?:0|[1-9]\d*)$/.test(value) && Number.isSafeInteger(Number(value)),
  number: (value) => /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) && Number.isFinite(Number(value)),
}

function fitsField({ type }: FilterField): (value: string) => boolean {
  return LOOKS[type]
}
