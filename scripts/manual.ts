/** What docs/cli.md says of a command beyond what the command says of itself. */
export interface ManualPage {
  readonly examples: readonly string[]
  /** The exit codes that it can give, and when; `test/cli/commands.test.ts` has a case for each. */
  readonly exits: { readonly [code in 0 | 1 | 2 | 3]?: string }
  /** What stands on stdout with `--json`. */
  readonly json: string
}

const WRONG = 'the command line or the configuration is wrong; stderr says where and what to do'

/** By the words of the command. */
export const MANUAL: { readonly [command: string]: ManualPage } = {
  start: {
    examples: ['weir start', 'weir start --config weir.yaml --json'],
    exits: {
      0: 'told to stop (SIGTERM, SIGINT), and everybody was sent elsewhere',
      1: 'something of its own is not as it must be, such as a key that others can read',
      2: WRONG,
      3: 'the database does not answer, or a port cannot be had',
    },
    json: 'once it serves, `{"url", "controlUrl", "products", "token"}` on one line; `token` is a token to try, only where records and issuer are the built-in ones',
  },
  check: {
    examples: ['weir check', 'weir check --config weir.yaml --json'],
    exits: {
      0: '`weir start` would serve this; there may be warnings',
      1: 'an error in the configuration, a document or an agreement',
      2: 'the command line is wrong',
    },
    json: '`{"ok", "products", "findings"}`; a finding has `severity`, `code`, `message`, `fix`, `file`, `line`, `column`',
  },
  config: {
    examples: ['weir config', 'weir config --reference --json'],
    exits: { 0: 'shown', 2: WRONG },
    json: 'the configuration, as without `--json`; with `--reference` a list of `{"key", "variable", "value", "required", "default", "what"}`',
  },
  token: {
    examples: [
      'weir token --consumer acme',
      "weir token --consumer acme --scope 'quakes:read quakes:pii' --ttl 30m --json",
    ],
    exits: { 0: 'issued', 1: 'real issuers are configured: tokens come from them', 2: WRONG },
    json: '`{"token", "consumer", "scope", "expiresAt"}`',
  },
  tail: {
    examples: [
      'weir tail http://127.0.0.1:8080/streams/earthquakes/events --from -PT10M',
      "weir tail http://127.0.0.1:8080/streams/earthquakes/events --from earliest --where 'magnitude=ge=4.5' --count 2 --json",
    ],
    exits: {
      0: 'the records asked for with `--count` came, or Ctrl-C',
      1: 'the gateway refused for good: a bad or expired token, no right, no such stream, a wrong parameter',
      2: 'the command line is wrong',
      3: 'nothing answers at the address',
    },
    json: 'each record as one line, as it was sent; gaps, pauses and where to go on stand on stderr',
  },
  doctor: {
    examples: ['weir doctor', 'weir doctor --config weir.yaml --json'],
    exits: {
      0: 'nothing is at fault; there may be something to look at',
      1: 'something of the set-up is at fault',
      2: 'the command line is wrong',
      3: 'a system that it needs does not answer',
    },
    json: 'a list of `{"check", "system", "status", "message", "fix", "ms"}`; `status` is `ok`, `warn` or `fail`',
  },
  'spec lint': {
    examples: ['weir spec lint orders.yaml', 'weir spec lint specs --format sarif'],
    exits: {
      0: 'good; there may be warnings and hints',
      1: 'an error was found',
      2: 'the command line is wrong, or there is no such file',
    },
    json: '`{"ok", "documents", "findings"}`; [findings.md](findings.md) explains the codes',
  },
  'spec view': {
    examples: ['weir spec view orders.yaml', 'weir spec view orders.yaml --consumer acme --config weir.yaml --json'],
    exits: {
      0: 'shown',
      1: 'the document has errors, describes no product, or the consumer does not see it',
      2: 'the command line or the configuration is wrong, or there is no such file',
    },
    json: 'the document as JSON in place of YAML',
  },
  'usage report': {
    examples: [
      'weir usage report --period 2026-11',
      'weir usage report --period 2026-11 --consumer acme --format json --out acme.json',
    ],
    exits: {
      0: 'reported, as far as usage is known; `complete` says whether that is all',
      1: 'neither ledger nor configuration knows the consumer or product',
      2: WRONG,
      3: 'the database does not answer',
    },
    json: 'the report with its lines, totals and remarks: [finance.md](finance.md)',
  },
}
