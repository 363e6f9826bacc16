/**
 * Every finding there is: what its code stands for, and what to do. Codes are stable, since people silence, count and look them
 * up; the words of one finding may say more. From this table comes docs/findings.md.
 */

interface Row {
  /** How grave it usually is; only errors refuse a document. */
  readonly severity: 'error' | 'warning' | 'info'
  readonly meaning: string
  readonly advice: string
}

/** Of the text and of what surrounds it. */
const TEXT = {
  unreadable: row(
    'The text is no YAML 1.2 or JSON, or is built to harm whoever reads it: aliases that blow up, thousands of levels, a key `__proto__`.',
    'Mend the text at the place named.',
  ),
  'not-asyncapi': row(
    'A file that was named is no AsyncAPI document.',
    'Begin it with `asyncapi: 3.0.0`, or do not name it.',
  ),
  'version-unsupported': row(
    'The document is of a version of AsyncAPI that is not known here.',
    'Use 2.0.0 to 2.6.0, 3.0.0 or 3.1.0, as a string.',
  ),
  'overlay-invalid': row(
    'An overlay (`NAME.product.yaml`) is no map of keys.',
    'Begin it with `info:` or `channels:`, as the document itself would.',
  ),
  'overlay-alone': row(
    'An overlay stands beside no document of its name, so that nothing of it counts.',
    'Name it after its document: `orders.product.yaml` beside `orders.yaml`.',
    'warning',
  ),
  'file-unreadable': row(
    'A file or folder cannot be read, or is not UTF-8.',
    'Correct the name, the permissions or the encoding.',
  ),
  'document-too-big': row('The file is larger than `limits.documentBytesMax`.', 'Split the document.'),
  'too-many-files': row(
    'The folders hold more documents or entries than are looked at.',
    'Name fewer folders in `specs`.',
  ),
  'link-leaves-folder': row(
    'A symbolic link leads out of the folder that was named, and is not followed.',
    'Name in `specs` what it leads to.',
    'warning',
  ),
  'ref-external': row(
    'A `$ref` leaves the document. Nothing is ever fetched or read for it.',
    'Put what is meant under `components`, and refer to it by `#/components/…`.',
  ),
  'ref-unresolved': row(
    'A `$ref` leads to nothing, or in a circle of references.',
    'Correct the reference, or add what it names.',
  ),
  'refs-too-deep': row(
    'References are chained deeper than is followed.',
    'Let schemas refer to each other less often.',
  ),
  'refs-too-many': row(
    'Written out, the references make a document of more values than are read.',
    'Split the document, or let schemas refer to each other less often.',
  ),
  'compile-timeout': row(
    'The document takes longer to read than it may.',
    'Try again; where it stays so, split the document.',
  ),
  'compile-failed': row(
    'The document could not be read because of a fault of ours.',
    'Try again; where it stays so, report it.',
  ),
  'last-good-served': row(
    'The newest version of the document is refused, or gone with its folder; partners are still served what was good before.',
    'Mend what the other findings of the file name.',
    'warning',
  ),
} as const

/** Of the product and its plans. */
const PRODUCT = {
  'no-product': row('The document has no `x-data-product` and exposes nothing.', 'Nothing, if it is meant so.', 'info'),
  'product-missing': row(
    'Channels are exposed, but nothing says which product they belong to.',
    'Add `info.x-data-product` with `id`, `owner` and `plans`.',
  ),
  'product-twice': row(
    'Two documents describe products of one id; the second is not served.',
    'Give one of them another id, or remove it.',
  ),
  misplaced: row('`x-data-product` stands where it means nothing.', 'Move it under `info`, or into a channel.'),
  'unknown-key': row(
    '`x-data-product` has a key that does not exist.',
    'Use the key that was meant; the finding names the nearest.',
  ),
  'missing-key': row('`x-data-product` lacks a key.', 'Add it.'),
  'wrong-value': row(
    'A key of `x-data-product` has a value that cannot be meant.',
    'Use one of the values that its schema allows.',
  ),
  'nothing-exposed': row(
    'The product exposes no stream.',
    'Say `x-data-product: { expose: read }` on a channel.',
    'warning',
  ),
  'deprecation-missing': row('A deprecated product does not say when it ends.', 'Add `deprecation: { on, sunset }`.'),
  'sunset-too-early': row('The sunset lies before the deprecation.', 'Set a later day.'),
  'plan-twice': row('Two plans have one name.', 'Give each plan its own name.'),
  'default-plan-unknown': row('`defaultPlan` names no plan of the product.', 'Name one that is there.'),
  'default-plan-missing': row('Access is open, but nothing says on which plan.', 'Add `defaultPlan`.'),
  'tiers-closed': row(
    'The last tier ends, so that messages beyond it have no price.',
    'Leave `upTo` out of the last tier.',
  ),
  'tiers-open': row('A tier that is not the last has no end.', 'Say where it ends: `upTo`.'),
  'tiers-order': row('Tiers do not rise.', 'Order them by `upTo`.'),
  'overage-unpriced': row(
    'A plan lets partners go beyond their allowance without a price.',
    'Add `overage: { per1000 }`.',
  ),
  'overage-unused': row(
    'A plan has a price for overage that is never used.',
    'Say `onLimit: overage`, or take the price out.',
    'warning',
  ),
  'burst-too-small': row('A burst is smaller than what one second allows.', 'Raise `burst`, or leave it out.'),
  'window-twice': row('Two windows of a plan have one length.', 'Put both limits into one window.'),
  'window-length': row(
    'A window has a length that does not divide a day.',
    'Use `P1M`, or `PT1S`, `PT1M`, `PT15M`, `PT1H`, `P1D` …',
  ),
  'duration-invalid': row(
    'A duration is none.',
    'Write weeks, days, hours, minutes and seconds as ISO 8601 does: `P30D`, `PT1H`.',
  ),
} as const

/** Of the channels that are exposed. */
const STREAM = {
  'view-too-long': row(
    'The AsyncAPI document that partners would get of the product is too long: many streams, or large schemas in each of them.',
    'Split the product, or expose fewer streams.',
  ),
  'stream-id-twice': row(
    'Two channels give one stream id.',
    'Give one of them another channel id (AsyncAPI 2: operationId).',
  ),
  'stream-id-invalid': row(
    'No stream id can be made of the name of a channel.',
    'Use at most 64 letters, digits, `.`, `_`, `-`, a letter or digit first.',
  ),
  'not-served-yet': row(
    'The document asks for what this version does not do: masks, rows, writing. It is refused, never ignored: what is not hidden would leak.',
    'Do not expose the stream, or take what is secret out of the topic.',
  ),
  'topic-invalid': row('What should name the topic is no name of a Kafka topic.', 'Name it in `bindings.kafka.topic`.'),
  'topic-unbounded': row(
    'A parameter alone is the topic, so that partners could read every topic of the cluster.',
    'Give the parameter an `enum`.',
  ),
  'topic-open': row(
    'A parameter in the topic takes any value: partners can read every topic whose name fits.',
    'Give the parameter an `enum`.',
    'warning',
  ),
  'no-kafka-server': row("None of the channel's servers is Kafka.", 'Add a server with `protocol: kafka`.'),
  'no-cluster': row('No configured cluster has a server of the stream.', 'Add `x-cluster` to the server.'),
  'no-message': row('The channel has no message.', 'Describe the message and its payload.', 'warning'),
  'schema-format-unsupported': row(
    'The payload is described in a language that is not served.',
    'Describe it by JSON Schema (draft 7) or Avro.',
  ),
  'content-type-unsupported': row(
    'The payload is of a type that is not served.',
    'Expose a channel with JSON payloads, or say `contentType: application/vnd.apache.avro` where they are Avro.',
  ),
  'avro-message-not-alone': row(
    'A message in Avro is not the only one of its channel, and nothing in a record tells which it is.',
    'Give it a channel of its own, or one schema that is a union of the messages.',
  ),
  'schema-id-unsupported': row(
    'An id of the schema stands in the payload in a form that is not read.',
    'Say `schemaIdPayloadEncoding: confluent`, or leave `schemaIdLocation: payload` away where there is none.',
  ),
  'schema-invalid': row(
    "The payload's schema cannot be used.",
    'Correct it; it is read as JSON Schema draft 7, or as Apache Avro 1.11.',
  ),
  'unsafe-pattern': row(
    'A pattern needs backtracking, and could be made to run for ever.',
    'Write it without lookaround, back references and large repeat counts.',
  ),
  'example-invalid': row('An example breaks its own schema.', 'Correct the example or the schema.', 'warning'),
  'filterable-without-schema': row(
    'Fields are filterable, but there is no schema to know their types from.',
    'Give every message of the channel a `payload` schema.',
  ),
  ...fieldRows('filterable', 'A filterable field'),
  ...fieldRows('parameter', 'The field of a parameter'),
  'parameter-undeclared': row(
    'A parameter stands in the address or topic and is not declared.',
    "Declare it under the channel's `parameters`.",
  ),
  'parameter-without-location': row(
    'A parameter is neither in the topic nor says where it stands in the payload: partners get the records of all its values.',
    'Add `location: $message.payload#/…`.',
    'warning',
  ),
  'parameter-of-header': row(
    'A parameter stands in a header, by which records cannot be filtered.',
    'Name a field of the payload that holds it as well.',
    'warning',
  ),
  'parameter-location-invalid': row(
    'The `location` of a parameter is no place in a message.',
    'Write `$message.payload#/` and the members that lead to the field.',
  ),
  'parameter-without-schema': row(
    'A parameter stands in a payload that has no schema.',
    'Give every message of the channel a `payload` schema.',
  ),
  'parameter-value-invalid': row(
    'A value of a parameter cannot stand where the parameter does.',
    'Correct it, or leave it out.',
  ),
  'parameter-default-unknown': row('The default of a parameter is not among its values.', 'Use one of `enum`.'),
} as const

/** Of good products: what `weir spec lint` asks beyond what can be served. */
const GOVERNANCE = {
  'description-missing': row(
    'The product is not described.',
    'Say in `info.description` what the data is, where it comes from, and how fresh it is.',
    'warning',
  ),
  'contact-missing': row(
    'Nobody can be reached about a product: an error where partners see it (`released` or `deprecated`, and not `private`), else a warning.',
    'Add `owner.email` to `info.x-data-product`, or `info.contact`.',
  ),
  'license-missing': row(
    'Nothing says what partners may do with the data: an error where partners see it, else a warning.',
    'Add `info.license` with a `name`.',
  ),
  'version-not-semantic': row(
    '`info.version` does not tell partners what a change means for them.',
    'Use `MAJOR.MINOR.PATCH`.',
    'info',
  ),
  'sla-missing': row(
    'A released product promises nothing.',
    'Add `sla` to `info.x-data-product`: latency, availability, retention.',
    'info',
  ),
  'plan-unlimited': row(
    'Whoever has a token may take everything, without a limit or a price.',
    'Give the default plan `windows` or a `rate`.',
    'warning',
  ),
  'stream-undescribed': row('A stream has no description.', 'Add `description` to the channel.', 'warning'),
  'direction-doubtful': row(
    'The application of the document reads this channel and never writes it: perhaps it is a channel of commands, and not what partners should read.',
    'Look at the topic; where partners are meant to read it, leave it so.',
    'warning',
  ),
  'payload-without-schema': row(
    'Partners are not told what a payload looks like, and records are not checked.',
    'Give the message a `payload` schema.',
    'warning',
  ),
  'payload-open': row("The payload's schema names no member.", 'Describe `properties`.', 'warning'),
  'member-undescribed': row(
    'Members of a payload have no description.',
    'Say of each what it means, and in which unit.',
    'info',
  ),
  'example-missing': row(
    'A message has no example.',
    'Add `examples` to the message, or to the members of its payload.',
    'info',
  ),
  'parameter-undescribed': row('A parameter has no description.', 'Say what its values are.', 'warning'),
  'internal-name': row(
    'A text that partners read has the name of a topic or the address of a broker in it.',
    'Say it in words that mean something to partners.',
    'warning',
  ),
  'personal-data': row(
    'Members of a payload look like data about people, and every partner will read them.',
    'Take them out of the topic, or do not expose it.',
    'warning',
  ),
} as const

/** `asyncapi-…` are the rules of the AsyncAPI specification, by the names that its parser has for them. */
export type FindingCode =
  | keyof typeof TEXT
  | keyof typeof PRODUCT
  | keyof typeof STREAM
  | keyof typeof GOVERNANCE
  | `asyncapi-${string}`

export const FINDING_GROUPS: readonly (readonly [title: string, codes: { readonly [code: string]: Row }])[] = [
  ['The text', TEXT],
  ['The product', PRODUCT],
  ['Its streams', STREAM],
  ['Good products', GOVERNANCE],
]

const ASYNCAPI = row(
  'The document breaks the AsyncAPI specification; behind `asyncapi-` is the name of the rule.',
  'See the AsyncAPI specification.',
)

/** What a code stands for; `null` for what is none. */
export function findingRow(code: string): Row | null {
  if (code.startsWith('asyncapi-')) return ASYNCAPI
  const group = FINDING_GROUPS.find(([, codes]) => Object.hasOwn(codes, code))
  return group?.[1][code] ?? null
}

/** docs/findings.md, whole. */
export function findingsReference(): string {
  const tables = FINDING_GROUPS.map(([title, codes]) => `## ${title}\n\n${tableOf(Object.entries(codes))}`)
  return `${HEAD}\n${tables.join('\n')}\n## The specification\n\n${tableOf([['asyncapi-…', ASYNCAPI]])}`
}

const HEAD = `# Findings

Generated from the table in gateway/catalog/codes.ts by \`npm run docs\`.

What \`weir spec lint\`, \`weir check\` and the gateway's log say of a document: a file, a line and column, a code, what is wrong and how to
mend it. Only an **error** refuses a document. Those under “Good products” are asked by \`weir spec lint\` alone.
`

function tableOf(rows: readonly (readonly [code: string, row: Row])[]): string {
  const lines = rows.map(
    ([code, { severity, meaning, advice }]) => `| \`${code}\` | ${severity} | ${meaning} | ${advice} |`,
  )
  return ['| code | usually | what it means | what to do |', '|---|---|---|---|', ...lines, ''].join('\n')
}

function row(meaning: string, advice: string, severity: Row['severity'] = 'error'): Row {
  return { severity, meaning, advice }
}

type FieldRows<Use extends string> = {
  readonly [
    fault in
      | 'name-invalid'
      | 'below-array'
      | 'unknown-field'
      | 'untyped'
      | 'not-scalar'
      | 'types-differ' as `${Use}-${fault}`
  ]: Row
}

function fieldRows<Use extends string>(use: Use, whose: string): FieldRows<Use> {
  const rows = {
    'name-invalid': row(`${whose} has a name that \`where\` has no way to write.`, 'Rename it, or name another.'),
    'below-array': row(
      `${whose} lies below an array, so that a record has no one value of it.`,
      'Name a field outside of arrays.',
    ),
    'unknown-field': row(`${whose} is not in the payload's schema.`, 'Describe it there, or name another.'),
    untyped: row(`${whose} has no type.`, 'Give it a `type` in the schema.'),
    'not-scalar': row(`${whose} is not one value.`, 'Name a string, number or boolean.'),
    'types-differ': row(`${whose} has several types.`, 'Give it one type in all alternatives of the schema.'),
  }
  return Object.fromEntries(Object.entries(rows).map(([fault, one]) => [`${use}-${fault}`, one])) as FieldRows<Use>
}
