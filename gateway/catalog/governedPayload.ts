import type { Message } from './channels.ts'
import { isBlank, type Tell } from './governance.ts'
import { isObject, listAt, objectAt, textAt } from './json.ts'
import type { JsonObject, Path } from './json.ts'
import type { Product } from './plan.ts'
import { follow } from './refs.ts'

/** What a partner needs to know of one kind of records. */
export function checkPayload(root: JsonObject, message: Message, visibility: Product['visibility'], tell: Tell): void {
  const { payload, payloadPath, path, name } = message
  const shown = `\`${name.slice(0, 64)}\``
  if (payload === undefined) return tell('payload-without-schema', path, `the message ${shown} has no payload schema`)
  const members = membersOf(root, payload, payloadPath)
  if (members.length === 0 && isOpen(payload))
    tell('payload-open', payloadPath, `the payload of ${shown} may be any object`)
  const silent = members.filter(({ schema }) => isSilent(schema))
  if (silent.length > 0)
    tell('member-undescribed', placeOf(silent), `members of ${shown} are not described: ${listed(silent)}`)
  const instances = [payload, ...members.map(({ schema }) => schema)].flatMap((one) => listAt(one, 'examples'))
  if (message.examples.length === 0 && instances.length === 0)
    tell('example-missing', path, `the message ${shown} has no example`)
  const people = visibility === 'private' ? [] : members.filter((member) => PERSONAL.test(member.name))
  if (people.length > 0)
    tell('personal-data', placeOf(people), `members of ${shown} look like data about people: ${listed(people)}`)
}

/** By the names that such members mostly have: a hint to a person, no promise. */
const PERSONAL =
  /^(?:e-?mail(?:address)?|(?:tele)?phone(?:number)?|mobile|(?:first|last|full)-?name|surname|birth-?da(?:y|te)|date-?of-?birth|iban|ssn|passport(?:number)?|passwo?r?d|credit-?card(?:number)?|ip-?address)$/i

interface Member {
  readonly name: string
  readonly schema: unknown
  readonly path: Path
}

const MEMBERS_MAX = 500
const DEPTH_MAX = 8

/** Members of a payload and of the objects in it. Each schema is looked at once: they may refer in circles. */
function membersOf(root: JsonObject, payload: unknown, at: Path): readonly Member[] {
  const found: Member[] = []
  const seen = new Set<unknown>()
  const visit = (raw: unknown, place: Path, depth: number): void => {
    const { value: schema, path } = follow(root, raw, place)
    if (!isObject(schema) || seen.has(schema) || depth > DEPTH_MAX || found.length >= MEMBERS_MAX) return
    seen.add(schema)
    for (const [name, member] of Object.entries(objectAt(schema, 'properties'))) {
      const own = [...path, 'properties', name]
      found.push({ name, schema: describedBy(root, member, own), path: own })
      visit(member, own, depth + 1)
    }
    visit(schema['items'], [...path, 'items'], depth + 1)
    for (const key of ['allOf', 'anyOf', 'oneOf'])
      for (const [i, one] of listAt(schema, key).entries()) visit(one, [...path, key, i], depth + 1)
  }
  visit(payload, at, 0)
  return found
}

/** A description beside a `$ref` speaks of this member, the one behind it of all that refer there. */
function describedBy(root: JsonObject, member: unknown, path: Path): unknown {
  return textAt(member, 'description') === null ? follow(root, member, path).value : member
}

/** Of a member with but one value there is nothing to say. */
function isSilent(schema: unknown): boolean {
  if (isObject(schema) && Object.hasOwn(schema, 'const')) return false
  return isBlank(textAt(schema, 'description') ?? textAt(schema, 'title'))
}

const SAYS_MORE = [
  'enum',
  'const',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'patternProperties',
  'additionalProperties',
  '$ref',
]

/** Whether it is an object of which nothing is said. */
function isOpen(payload: unknown): boolean {
  if (!isObject(payload)) return true
  const { type } = payload
  return (type === undefined || type === 'object') && SAYS_MORE.every((key) => !Object.hasOwn(payload, key))
}

function placeOf(members: readonly Member[]): Path {
  return members[0]?.path ?? []
}

const LISTED_MAX = 10

function listed(members: readonly Member[]): string {
  const names = members.slice(0, LISTED_MAX).map(({ name }) => `\`${name.slice(0, 64)}\``)
  const more = members.length - names.length
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
