import { Type, type Static, type TSchema } from 'typebox'
import type { SecretUrl } from './secretUrl.ts'
import { Secret } from './secret.ts'

/**
 * The configuration, written down once: from this come the types, the defaults, the names of the environment variables
 * and `docs/configuration.md`. A key stands here only once it has an effect.
 */

/** What a scalar key holds beyond its JSON type; decides how it is read, shown and explained. */
export type Unit =
  | 'bytes'
  | 'ms'
  | 'path'
  | 'pathOrUrl'
  | 'httpUrl'
  | 'hostPort'
  | 'secret'
  | 'databaseUrl'
  | 'redisUrl'

const ID = '^[a-z0-9][a-z0-9._-]{0,63}$'
const KIB = 1024
const MIB = KIB * 1024
const GIB = MIB * 1024

/** A timer of Node's holds no more (2^31 - 1 ms). */
const TIMER_MS_MAX = 2_147_483_647

/** Control characters in a setting are a slip of some template, and break the line that they are logged on. */
const LINE = '^[^\\u0000-\\u001f\\u007f]*$'
const text = (doc: string, more: object = {}) =>
  Type.String({ doc, minLength: 1, maxLength: 4096, pattern: LINE, ...more })
const path = (doc: string, more: object = {}) => text(doc, { unit: 'path', ...more })
const file = (doc: string) => Type.Union([path(''), Type.Null()], { default: null, doc })
const id = (doc: string) => text(doc, { pattern: ID, shape: 'an id: a–z, 0–9, `.`, `_`, `-`, at most 64' })
const whole = (preset: number, minimum: number, maximum: number, doc: string) =>
  Type.Integer({ default: preset, minimum, maximum, doc })
const port = (preset: number, doc: string) => whole(preset, 0, 65535, `${doc} 0 takes any free one.`)
const bytes = (preset: number, minimum: number, maximum: number, doc: string) =>
  Type.Integer({ default: preset, minimum, maximum, unit: 'bytes', doc })
const ms = (preset: number, minimum: number, maximum: number, doc: string) =>
  Type.Integer({ default: preset, minimum, maximum, unit: 'ms', doc })

const listen = Type.Object(
  {
    host: text('Address to listen on.', { default: '0.0.0.0' }),
    port: port(8080, 'Port for partners.'),
    publicUrl: Type.Union([text('', { unit: 'httpUrl' }), Type.Null()], {
      default: null,
      doc: 'Address under which partners reach this gateway; stands in documents, events and challenges. Absent: made from host and port.',
    }),
  },
  { doc: 'Where partners connect.' },
)

const control = Type.Object(
  {
    host: text('Address to listen on.', { default: '127.0.0.1' }),
    port: port(8081, 'Port for metrics and health.'),
  },
  { doc: 'Where the operator connects; never opened to partners.' },
)

const sasl = Type.Object({
  mechanism: Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'], {
    doc: 'How to log in to the brokers. `plain` and `scram-…` take a user name and a password; `oauthbearer` takes `tokenFile`, or `tokenEndpoint` with `clientId` and `clientSecretFile`.',
  }),
  username: Type.Union([text(''), Type.Null()], { default: null, doc: 'User name at the brokers.' }),
  password: Type.Unsafe<Secret | null>({
    type: 'string',
    unit: 'secret',
    default: null,
    doc: 'Password at the brokers; only from the environment, never in the file.',
  }),
  passwordFile: file('File that holds the password; a line break at its end is dropped.'),
  tokenFile: file('File that holds a bearer token, which something else keeps fresh; read again at each login.'),
  tokenEndpoint: Type.Union([text('', { unit: 'httpUrl' }), Type.Null()], {
    default: null,
    doc: 'Where client credentials get a token (RFC 6749 §4.4); https, or http on loopback.',
  }),
  clientId: Type.Union([text(''), Type.Null()], { default: null, doc: 'Client at the token endpoint.' }),
  clientSecretFile: file("File that holds the client's secret; read again for each token."),
  scope: Type.Union([text(''), Type.Null()], {
    default: null,
    doc: 'Scope to ask for. Absent: what the endpoint gives.',
  }),
})

const tls = Type.Object({
  caFile: file("PEM file of the authorities that the brokers' certificates are from. Absent: the system's."),
  certFile: file('PEM file of our certificate with its chain, where brokers want one.'),
  keyFile: file("PEM file of that certificate's key."),
  serverName: Type.Union([text(''), Type.Null()], {
    default: null,
    doc: "Name in the brokers' certificates. Absent: the host that each broker is dialled by.",
  }),
})

/** `true` stands for a group of keys that are all absent. */
const flagOr = <T extends object>(group: TSchema, doc: string) =>
  Type.Unsafe<boolean | T>({ anyOf: [group, Type.Boolean()], default: false, doc })

const cluster = Type.Object({
  brokers: Type.Array(text('', { unit: 'hostPort' }), {
    minItems: 1,
    maxItems: 100,
    doc: 'Brokers to ask first, `host:port` each.',
  }),
  ssl: flagOr<Static<typeof tls>>(
    tls,
    "Whether the brokers speak TLS: `true` with the system's authorities, or a group of keys. The files are read at each dial, so renewed ones count by themselves.",
  ),
  sasl: Type.Union([sasl, Type.Null()], { default: null, doc: 'How to log in. Absent: no login.' }),
})

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const issuer = Type.Object({
  issuer: text('The `iss` of its tokens, letter by letter.'),
  audience: Type.Array(text(''), {
    minItems: 1,
    maxItems: 100,
    doc: 'One of these must be in the `aud` of its tokens.',
  }),
  jwks: text('Its keys, as a JWK Set.', { unit: 'pathOrUrl' }),
  algorithms: Type.Array(Type.Enum(ALGORITHMS), {
    default: ['RS256', 'ES256'],
    minItems: 1,
    uniqueItems: true,
    doc: 'Signatures that are accepted. No `none`, and no HMAC: whoever knows a public key could sign.',
  }),
})

/** As a browser writes it: lower case, no path, and no port that goes without saying. */
const origin = text('', {
  pattern: '^(\\*|(?!http:.*:80$)(?!https:.*:443$)https?://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[0-9]{1,5})?)$',
  shape: 'an origin as browsers write it (`https://app.example.com`, no path, lower case), or `*`',
})

const access = Type.Object(
  {
    issuers: Type.Array(issuer, {
      default: [],
      maxItems: 100,
      doc: 'Who may issue tokens. Absent: a development issuer of our own, whose tokens `weir token` makes.',
    }),
    consumerClaim: Type.Union([text(''), Type.Null()], {
      default: null,
      doc: 'The claim that names the consumer. Absent: `client_id`, then `sub`.',
    }),
    corsOrigins: Type.Array(origin, {
      default: [],
      maxItems: 1000,
      uniqueItems: true,
      doc: 'Web pages that may read streams and catalogue in a browser, by the origins that they come from, such as `https://app.example.com`; `*` for all. WebSockets from other pages are then refused. Absent: no page of another origin reads over HTTP, and any page may open a WebSocket; each needs a token.',
    }),
  },
  { doc: 'Whose tokens count.' },
)

const agreement = Type.Object({
  product: id('Product that the consumer may read.'),
  plan: text('Plan of that product.'),
})

const consumer = Type.Object({
  id: text('What the consumer claim of its tokens holds.', { maxLength: 256 }),
  name: text('What people call it: stands in reports of usage. Absent: its id.', { default: '' }),
  agreements: Type.Array(agreement, { default: [], maxItems: 1000, doc: 'What it may read, and on which plan.' }),
  suspended: Type.Boolean({ default: false, doc: 'Whether all its agreements rest: it is told `forbidden`.' }),
})

const secretUrl = (unit: SecretUrl, doc: string) =>
  Type.Unsafe<Secret | null>({ anyOf: [text('', { unit }), { type: 'null' }], default: null, doc })
const URL_FILE = 'File that holds the address, password and all; a line break at its end is dropped.'

const redis = Type.Object(
  {
    url: secretUrl(
      'redisUrl',
      'Redis, as `redis://HOST:PORT`, `rediss://…` with TLS; with a password only in the environment. Absent: allowances are counted in this process alone, which is right for one node.',
    ),
    urlFile: file(URL_FILE),
  },
  { doc: 'Where allowances of all nodes are counted.' },
)

const usage = Type.Object(
  {
    cluster: Type.Union([id(''), Type.Null()], {
      default: null,
      doc: 'Cluster that usage goes through. Absent: straight to the ledger.',
    }),
    topic: text('Topic that usage goes through.', { default: 'weir.usage', pattern: '^[a-zA-Z0-9._-]{1,249}$' }),
    flushMs: ms(
      1_000,
      100,
      60_000,
      'How often what was delivered is written down: after a crash at most this much is not billed.',
    ),
    journal: Type.Object(
      {
        path: Type.Union([path(''), Type.Null()], {
          default: null,
          doc: 'Folder for usage that was not taken yet; workers beyond the first have a folder each in it. Absent: `journal` in `dataDir`.',
        }),
        bytesMax: bytes(GIB, MIB, 1024 * GIB, 'Size of it, for each worker; once it is full, delivery pauses.'),
        fsyncMs: ms(1_000, 0, 60_000, 'How often it is forced to disk: what a failing machine may lose.'),
      },
      { doc: '' },
    ),
  },
  { doc: 'How usage reaches the ledger.' },
)

const database = Type.Object(
  {
    url: secretUrl(
      'databaseUrl',
      'PostgreSQL, as `postgres://USER@HOST/DATABASE`; with a password only in the environment. Absent: SQLite, `ledger.db` in `dataDir`.',
    ),
    urlFile: file(URL_FILE),
  },
  { doc: 'Where usage is kept for bills.' },
)

const limits = Type.Object(
  {
    connectionsMax: whole(100_000, 1, 10_000_000, 'Connections of partners, all together.'),
    logMemoryBytesMax: bytes(512 * MIB, MIB, 1024 * GIB, 'Memory for the newest records, cached frames and replays.'),
    sessionBufferBytesMax: bytes(
      MIB,
      64 * KIB,
      GIB,
      'Bytes waiting for one connection before it reads at its own pace.',
    ),
    framesPerSecondMax: whole(100, 1, 100_000, 'Frames that a client may send in a second.'),
    frameBytesMax: bytes(64 * KIB, KIB, 16 * MIB, 'Size of a frame that a client may send.'),
    subscriptionsPerSessionMax: whole(100, 1, 10_000, 'Subscriptions over one connection.'),
    authMsMax: ms(5_000, 100, 300_000, 'Time for the first token to arrive after a handshake without one.'),
    heartbeatMs: ms(15_000, 1_000, 300_000, 'Time between two signs of life on a quiet connection.'),
    stuckMsMax: ms(30_000, 1_000, 3_600_000, 'How long a connection may take nothing before it is closed as slow.'),
    lingerMs: ms(30_000, 0, TIMER_MS_MAX, 'How long a topic is still followed after its last subscriber left.'),
    replaySlotsMax: whole(64, 1, 10_000, 'Replays that read at the same time; others queue.'),
    recordBytesMax: bytes(MIB, KIB, 64 * MIB, 'Size of a record; a larger one is told as an `invalid` frame.'),
    documentBytesMax: bytes(MIB, KIB, 64 * MIB, 'Size of an AsyncAPI document.'),
    drainMsMax: ms(
      20_000,
      0,
      3_600_000,
      'After SIGTERM, clients are sent elsewhere over at most this long, so that the other nodes are not stormed.',
    ),
  },
  { doc: 'Bounds of one process: with `weir start --workers N`, of each worker.' },
)

export const configSchema = Type.Object({
  listen,
  control,
  specs: Type.Array(path(''), {
    default: ['specs'],
    maxItems: 1000,
    doc: 'AsyncAPI documents: files, or folders of them. Without a configuration file: the examples that ship with Weir.',
  }),
  clusters: Type.Record(Type.String({ pattern: ID }), cluster, {
    default: {},
    doc: 'Kafka clusters by name. Absent: an embedded log in memory, fed with the recordings beside the documents.',
  }),
  redis,
  usage,
  database,
  node: Type.Union([id(''), Type.Null()], {
    default: null,
    doc: 'Name of this node in usage; no two may have the same. Absent: made once and kept in `dataDir`.',
  }),
  dataDir: path('Folder for what must survive a restart.', { default: './data' }),
  access,
  consumers: Type.Array(consumer, { default: [], maxItems: 10_000, doc: 'Consumers and their agreements.' }),
  portal: Type.Boolean({
    default: true,
    doc: 'Whether the port for partners has pages for people: the catalogue at `/`, each product at `/p/{product}`. They show what `/products` shows without a token.',
  }),
  limits,
  log: Type.Object({
    level: Type.Enum(['silent', 'error', 'warn', 'info', 'debug'], {
      default: 'info',
      doc: 'How much is logged to stderr; `debug` adds the stack to each fault.',
    }),
  }),
  playback: Type.Object({
    recordsPerSecond: Type.Number({
      default: 2,
      minimum: 0.01,
      maximum: 10_000,
      doc: 'Pace of each recording in the embedded log.',
    }),
  }),
})

type Deep<T> = T extends Secret ? T : T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T

export type ConfigValues = Deep<Static<typeof configSchema>>

/** The keys that operate.md's full set has and this version does not serve yet, at the root and (`*`) within a cluster. */
export const NOT_SERVED: ReadonlySet<string> = new Set(['plugins', 'clusters.*.schemaRegistry'])
