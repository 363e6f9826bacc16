/** How a command that README or docs print is run by a test. */
export type Command = Run | Elsewhere

export interface Run {
  /** The lines that it is about; each line has just one row. */
  readonly fits: RegExp
  /** On stdout or stderr. */
  readonly says: RegExp
  /** It has no end: it is stopped once it has said that. */
  readonly streams?: true
  readonly exit?: number
  /** A gateway of its own, on free ports. */
  readonly serves?: true
  /** In a folder of data of its own; absent: in that of the gateway that the test has. */
  readonly ownData?: true
  /** In the checkout; absent: in a folder with a document and a `weir.yaml`. */
  readonly inCheckout?: true
  /** What is run in place of it, where the whole would build or install anew what runs this very test. */
  readonly instead?: (line: string) => string
}

interface Elsewhere {
  readonly fits: RegExp
  /** What runs it, or what it would run: each file holds the text. */
  readonly elsewhere: readonly { readonly file: string; readonly text: string }[]
  /** Of package.json: it is there, and so is the program that it runs. */
  readonly script?: string
}

const CI = '.ci/run'
const RECORD = /"type":"record"/
const install = { file: CI, text: 'step "$install"' }
const chaosOption = (...texts: readonly string[]): Elsewhere['elsewhere'] =>
  texts.map((text) => ({ file: 'test/chaos/run.ts', text }))

const benchOption = (...options: readonly string[]): Elsewhere['elsewhere'] =>
  options.map((option) => ({ file: 'loadtest/bench/run.ts', text: `${option}: { type: ` }))

export const COMMANDS: readonly Command[] = [
  // Two commands on a fresh machine, and what a change must pass.
  {
    fits: /^npm ci && npm start$/,
    instead: () => 'npm start --ignore-scripts',
    inCheckout: true,
    serves: true,
    ownData: true,
    streams: true,
    says: /Try it:\s+curl -N .*\n/,
  },
  { fits: /^npm ci && npm test$/, elsewhere: [install, { file: CI, text: 'step "$tests"' }], script: 'test' },
  { fits: /^npm ci$/, elsewhere: [install] },
  { fits: /^npm test$/, elsewhere: [{ file: CI, text: 'step "$tests"' }], script: 'test' },
  {
    fits: /^npm test -- access$/,
    elsewhere: [{ file: 'test/runner.test.ts', text: 'filters are parts of paths' }],
    script: 'test',
  },
  {
    fits: /^npm test -- --list$/,
    instead: () => 'npm test --ignore-scripts -- --list',
    inCheckout: true,
    says: /test\/access\/jwks\.test\.ts/,
  },
  { fits: /^npm run lint$/, elsewhere: [{ file: CI, text: 'npm run --silent lint' }], script: 'lint' },
  { fits: /^npm run format$/, elsewhere: [{ file: CI, text: 'npm run --silent format:check' }], script: 'format' },
  {
    fits: /^npm run mutations$/,
    elsewhere: [{ file: 'test/mutations.test.ts', text: 'describe(' }],
    script: 'mutations',
  },
  { fits: /^npm run autobahn$/, elsewhere: [{ file: 'test/autobahn/run.ts', text: 'testsuite' }], script: 'autobahn' },
  { fits: /^\.ci\/run$/, elsewhere: [{ file: CI, text: 'set -euo pipefail' }] },
  {
    fits: /^npm run -s services$/,
    elsewhere: [{ file: 'test/services.test.ts', text: 'describe(' }],
    script: 'services',
  },
  {
    fits: /^npx tsc && node .*dist\/test\/services\.test\.js$/,
    elsewhere: [{ file: 'test/services.test.ts', text: 'describe(' }],
  },
  { fits: /^npm run chaos$/, elsewhere: chaosOption('seeds'), script: 'chaos' },
  {
    fits: /^npm run chaos -- --seeds 3 --fault leader-killed$/,
    elsewhere: [...chaosOption('seeds', 'fault'), { file: 'test/chaos/faults/brokers.ts', text: 'leader-killed' }],
    script: 'chaos',
  },
  { fits: /^npm run chaos -- --first 7 --seeds 1$/, elsewhere: chaosOption('first'), script: 'chaos' },
  { fits: /^npm run chaos -- --write$/, elsewhere: chaosOption('write'), script: 'chaos' },
  { fits: /^npm run bench -- --short$/, elsewhere: benchOption('short'), script: 'bench' },
  {
    fits: /^npm run bench -- --only half --rounds 3 --seconds 4$/,
    elsewhere: [
      ...benchOption('only', 'rounds', 'seconds'),
      { file: 'loadtest/bench/half.ts', text: "const NAME = 'half'" },
    ],
    script: 'bench',
  },
  { fits: /^npm run bench -- --record docs\/performance\.md$/, elsewhere: benchOption('record'), script: 'bench' },

  // Five minutes.
  {
    fits: /^TOKEN=\$\(npx weir token --consumer me\)$/,
    instead: (line) => `${line}; echo "$TOKEN"`,
    says: /^ey[\w.-]+$/m,
  },
  { fits: /^curl -H .*\/products$/, says: /"id":"earthquakes"/ },
  { fits: /^curl http:\/\/127\.0\.0\.1:8080\/errors\/quota-exhausted$/, says: /\*What to do:\*/ },

  // Partners.
  { fits: /^curl -N .*text\/event-stream/, streams: true, says: /\ndata: \{"type":"record"/ },
  { fits: /^curl -N .*x-ndjson.*\| jq /, streams: true, says: /"magnitude":/ },
  { fits: /^curl -H .*earthquakes\/events\?from=earliest&limit=500'$/, says: RECORD },
  { fits: /^curl -G .*where=magnitude=ge=4\.5'$/, says: /"magnitude":[4-9]/ },
  { fits: /^curl -H .*weather\/observations/, says: /"cursor":"w1\./ },
  { fits: /^curl -G .*format=cloudevents/, says: /"specversion":"1\.0"/ },
  { fits: /^curl .*\/products\/earthquakes\/asyncapi\.json$/, says: /"asyncapi": ?"3\.0\.0"/ },
  { fits: /^curl -H .*\/usage$/, says: /"agreements":\[/ },

  // Operators.
  { fits: /^curl http:\/\/127\.0\.0\.1:8081\/readyz$/, says: /"status":"ready"/ },
  { fits: /^curl http:\/\/127\.0\.0\.1:8081\/metrics$/, says: /^weir_connections \d+$/m },

  // Every command of `weir`, by its name or by npx.
  { fits: /^weir start$/, serves: true, ownData: true, streams: true, says: /Weir serves at / },
  { fits: /^weir start .*--json$/, serves: true, ownData: true, streams: true, says: /\{"url":"http:/ },
  { fits: /^weir check(?! .*--json)/, says: /ok: .*earthquakes.* would be served/ },
  { fits: /^weir check .*--json$/, says: /^\{"ok":true/ },
  { fits: /^weir config(?! --reference)/, says: /"listen": \{/ },
  { fits: /^weir config --reference --json$/, says: /"key": "listen\.host"/ },
  { fits: /^weir token (?!.*--json)/, says: /^ey[\w.-]+\n/ },
  { fits: /^weir token .*--json$/, says: /^\{"token":"ey/ },
  { fits: /^weir tail (?!.*--count)/, streams: true, says: /\d+-\d+ .*\{/ },
  { fits: /^weir tail .*--count 2 --json$/, says: /^\{"type":"record"/m },
  { fits: /^(npx )?weir spec lint (?!.*sarif)/, says: /ok: 1 document, 0 errors/ },
  { fits: /^weir spec lint .*sarif$/, says: /"version": "2\.1\.0"/ },
  { fits: /^(npx )?weir spec view .*--json$/, says: /^\{\s*"asyncapi": ?"3\.0\.0"/ },
  { fits: /^(npx )?weir spec view (?!.*--json)/, says: /^asyncapi: 3\.0\.0/ },
  // Its ports are those of the page, and may be another's here; it says so, and what else is at fault.
  {
    fits: /^weir doctor(?!.*--json)/,
    instead: (line) => `${line} || [ $? = 1 ]`,
    says: /weir: \d+ ok, \d+ to look at/,
  },
  { fits: /^weir doctor .*--json$/, instead: (line) => `${line} || [ $? = 1 ]`, says: /"system":"machine"/ },
  { fits: /^(npx )?weir usage report (?!.*--out)/, says: /^period,agreement,/ },
  { fits: /^(npx )?weir usage report .*--out acme\.json$/, says: /Each record once per agreement/ },
]
