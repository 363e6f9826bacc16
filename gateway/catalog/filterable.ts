import { nearest } from '../drivers/nearest.ts'
import { isSelector } from '../drivers/query.ts'
import { ANY_KIND, KIND, SchemaPlaces } from '../drivers/schemaPlaces.ts'
import type { Said } from '../drivers/schemaPlaces.ts'
import type { FindingCode } from './codes.ts'
import type { Findings } from './findings.ts'
import type { Path } from './json.ts'
import type { FieldType, FilterField, JsonSchema } from './plan.ts'

/** The fields that a stream lets partners filter by, each with the type that the payload's schema gives it. `path` is the extension's. */
export function filterableOf(
  schema: JsonSchema | null,
  names: readonly unknown[],
  path: Path,
  findings: Findings,
): readonly FilterField[] {
  const at = [...path, 'filterable']
  if (names.length > 0 && schema === null) {
    const message =
      "fields are filterable, but a message of the channel has no schema of its payload to know the fields' types from"
    findings.error('filterable-without-schema', at, message, 'Give every message of the channel a `payload` schema.')
    return []
  }
  return names.flatMap((name, i) => {
    const field = fieldOf(schema ?? true, String(name).split('.'), 'filterable')
    if (!('message' in field)) return [field]
    findings.error(field.code, [...at, i], field.message, field.fix)
    return []
  })
}

/** Why a field cannot be filtered by. */
export interface FieldProblem extends Wrong {
  readonly code: FindingCode
}

/** As it is known before it is known what the field is for. */
interface FieldFault extends Wrong {
  readonly code: 'name-invalid' | 'below-array' | 'unknown-field' | 'untyped' | 'not-scalar' | 'types-differ'
}

interface Wrong {
  readonly message: string
  readonly fix: string
}

/** The field that a path leads to. `use` says what for, in codes and words. */
export function fieldOf(
  schema: JsonSchema,
  path: readonly string[],
  use: 'filterable' | 'parameter',
): FilterField | FieldProblem {
  const name = path.join('.')
  const shown = JSON.stringify(name.slice(0, 100))
  const told = ({ code, message, fix }: FieldFault): FieldProblem => {
    const whose = use === 'filterable' ? 'the filterable field' : 'the field'
    return { code: `${use}-${code}` as const, message: message.replace('{field}', () => `${whose} ${shown}`), fix }
  }
  // A step with a dot in it would share its name with another path.
  if (!isSelector(name) || path.includes('') || path.some((step) => step.includes('.'))) return told(NAME_INVALID)
  const said = new SchemaPlaces(schema).at(path, 'stop')
  if (said.says !== 'kinds') return told(elsewhere(said, path))
  const type = typeOf(said.kinds)
  return typeof type === 'string' ? { name, path, type } : told(type)
}

const NAME_INVALID: FieldFault = {
  code: 'name-invalid',
  message: '`where` has no way to write {field}',
  fix: 'Write members joined by dots, without blanks, quotes and any of `( ) ; , = ! ~ < >`.',
}

/** The schema knows no such place, or one that several values share. */
function elsewhere(said: Exclude<Said, { says: 'kinds' }>, path: readonly string[]): FieldFault {
  if (said.says === 'array')
    return {
      code: 'below-array',
      message: '{field} lies below an array, so a record has no one value of it',
      fix: 'Name a field outside of arrays.',
    }
  const known = said.says === 'absent' ? said.known : []
  const meant = nearest(path[said.at] ?? '', known)
  const guess = [...path.slice(0, said.at), meant, ...path.slice(said.at + 1)].join('.')
  const listed = known.length === 0 ? '' : ` There are: ${known.slice(0, KNOWN_SHOWN_MAX).join(', ')}.`
  return {
    code: 'unknown-field',
    message: "{field} is not in the payload's schema",
    fix: meant === null ? `Describe it in the schema, or name another.${listed}` : `Did you mean \`${guess}\`?`,
  }
}

const KNOWN_SHOWN_MAX = 20

const NUMBER = KIND.integer | KIND.fraction
const TEXT = KIND.text | KIND.time

function typeOf(kinds: number): FieldType | FieldFault {
  const scalar = kinds & ~KIND.null
  if (kinds === ANY_KIND)
    return {
      code: 'untyped',
      message: "{field} has no type in the payload's schema",
      fix: 'Give it a `type` there: values in `where` are read by it.',
    }
  if (scalar === 0 || (scalar & (KIND.object | KIND.array)) !== 0)
    return {
      code: 'not-scalar',
      message: '{field} is not always one value: its schema allows objects, arrays or nothing but `null`',
      fix: 'Name a field that is a string, number or boolean; members of an object are written `object.member`.',
    }
  if (scalar === KIND.integer) return 'integer'
  if (scalar === KIND.time) return 'time'
  if (scalar === KIND.boolean) return 'boolean'
  if (within(scalar, NUMBER)) return 'number'
  if (within(scalar, TEXT)) return 'string'
  return {
    code: 'types-differ',
    message: "{field} has several types in the payload's schema",
    fix: 'Give it one type in all alternatives of the schema: values in `where` are read by it.',
  }
}

function within(kinds: number, allowed: number): boolean {
  return (kinds & ~allowed) === 0
}
