import { Command, CommanderError, Option } from 'commander'
import { Fault } from '../errors.ts'
import { describeFault } from '../log.ts'
import { version } from '../package.ts'
import { check, type CheckOptions } from './check.ts'
import { configuration, type ConfigurationOptions } from './configuration.ts'
import type { DoctorOptions } from './doctor.ts'
import { EXIT, say, type Edge, type Exit } from './edge.ts'
import { describeSpec } from './spec.ts'
import { start, type StartOptions } from './start.ts'
import { tail, type TailOptions } from './tail.ts'
import { token, type TokenOptions } from './token.ts'
import type { ReportOptions } from './usage.ts'
import { workersIn } from './workers.ts'

/** Commands of the full set (docs/operate.md) that this version does not have yet. */
const COMMANDS_NOT_SERVED = ['consumer', 'agreement']
const SPEC_NOT_SERVED = ['diff', 'publish', 'list', 'retire']
const USAGE_NOT_SERVED = ['close', 'audit', 'adjust']
const OPTIONS_NOT_SERVED = ['roles']

/** Runs one command line (without the program's name). Whatever goes wrong is told on stderr and by the exit code; never throws. */
export async function run(args: readonly string[], edge: Edge): Promise<Exit> {
  let exit: Exit = EXIT.done
  const program = describeProgram(edge, (code) => (exit = code))
  try {
    await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (error) {
    // Commander has already said what is wrong; help and version come this way too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    return complain(edge, error)
  }
}

const FAULT_EXITS = {
  usage: EXIT.usage,
  refused: EXIT.refused,
  unreachable: EXIT.unreachable,
  internal: EXIT.fault,
} as const

/** One clear line; the stack only for those who asked for details. */
export function complain(edge: Pick<Edge, 'err' | 'env'>, error: unknown): Exit {
  const details = edge.env['WEIR_LOG_LEVEL'] === 'debug'
  say(edge, `weir: ${String(describeFault(error, details))}`)
  if (error instanceof Fault) return FAULT_EXITS[error.kind]
  if (!details) say(edge, 'weir: this is a fault of the program; WEIR_LOG_LEVEL=debug shows where')
  return EXIT.fault
}

/** All commands; `done` is told how the one that ran ends. */
export function describeProgram(edge: Edge, done: (exit: Exit) => void): Command {
  const program = new Command('weir')
    .description('Lets third parties at streaming data, at a measured rate.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => void edge.out.write(text), writeErr: (text) => void edge.err.write(text) })
  describeServing(program, edge, done)
  describeClient(program, edge, done)
  const spec = describeSpec(program, edge, done)
  for (const name of SPEC_NOT_SERVED) describeRefusal(spec, name, () => done(notServed(edge, `spec ${name}`)))
  describeUsage(program, edge, done)
  for (const name of COMMANDS_NOT_SERVED) {
    describeRefusal(program, name, () => done(notServed(edge, name)))
  }
  return program
}

function describeRefusal(parent: Command, name: string, refuse: () => void): void {
  parent.command(name, { hidden: true }).allowUnknownOption().allowExcessArguments().helpOption(false).action(refuse)
}

function notServed(edge: Edge, name: string): Exit {
  say(edge, `weir: \`${name}\` is not served by this version — \`weir --help\` lists what is`)
  return EXIT.usage
}

const CONFIG = ['--config <file>', 'configuration file (default: weir.yaml, if it exists)'] as const
const JSON_OUT = ['--json', 'for programs: JSON on stdout'] as const

function describeServing(program: Command, edge: Edge, done: (exit: Exit) => void): void {
  const starting = program
    .command('start')
    .description('serve; SIGTERM drains')
    .option(...CONFIG)
    .option('--workers <count>', 'so many processes on one port; needs Kafka and Redis (default: 1)', workersIn)
    .option(...JSON_OUT)
  for (const name of OPTIONS_NOT_SERVED) starting.addOption(new Option(`--${name} [value]`).hideHelp())
  starting.action(async (options: StartOptions & { readonly [name: string]: unknown }) => {
    const asked = OPTIONS_NOT_SERVED.find((name) => options[name] !== undefined)
    done(asked === undefined ? await start(edge, options) : notServed(edge, `--${asked}`))
  })
  program
    .command('check')
    .description('check configuration and documents, without serving')
    .option(...CONFIG)
    .option(...JSON_OUT)
    .action(async (options: CheckOptions) => done(await check(edge, options)))
  program
    .command('config')
    .description('show the configuration that is in force, secrets masked')
    .option(...CONFIG)
    .option('--reference', 'the reference of all keys instead, as Markdown or with --json as JSON')
    .option(...JSON_OUT)
    .action((options: ConfigurationOptions) => done(configuration(edge, options)))
  program
    .command('doctor')
    .description('each system that a gateway needs: ok, warn or fail, with the fix; changes nothing')
    .option(...CONFIG)
    .option(...JSON_OUT)
    .action(async (options: DoctorOptions) => {
      // Loaded only here: no other command needs all drivers.
      const { doctor } = await import('./doctor.ts')
      done(await doctor(edge, options))
    })
}

function describeClient(program: Command, edge: Edge, done: (exit: Exit) => void): void {
  program
    .command('token')
    .description('issue a token of the development issuer')
    .requiredOption('--consumer <id>', 'whom it speaks for')
    .option('--scope <scopes>', 'scopes, with blanks between')
    .option('--ttl <time>', 'how long it is valid: 90s, 30m, 1h, 7d', '1h')
    .option(...CONFIG)
    .option(...JSON_OUT)
    .action(async (options: TokenOptions) => done(await token(edge, options)))
  program
    .command('tail')
    .description('follow a stream; resumes by itself')
    .argument('<url>', 'http(s)://HOST/streams/PRODUCT/STREAM')
    .option('--from <position>', 'latest, earliest, a time, -PT10M, or a cursor')
    .option('--where <filter>', 'RSQL over filterable fields: magnitude=ge=4.5')
    .option('--count <records>', 'end after so many records')
    .option('--token <jwt>', 'token (better: WEIR_TOKEN, which no process list shows)')
    .option('--json', 'each record as one line of JSON')
    .action(async (url: string, options: TailOptions) => done(await tail(edge, url, options)))
}

function describeUsage(program: Command, edge: Edge, done: (exit: Exit) => void): void {
  const usage = program.command('usage').description('what was delivered and what of it is billed')
  usage
    .command('report')
    .description('what is billed for a month, as far as it is known')
    .requiredOption('--period <month>', 'a calendar month in UTC: 2026-11')
    .option('--consumer <id>', "only this consumer's agreements")
    .option('--product <id>', "only this product's agreements")
    .option('--format <format>', 'csv (default) or json')
    .option('--out <file>', 'write to this file instead of stdout')
    .option(...CONFIG)
    .option(...JSON_OUT)
    .action(async (options: ReportOptions) => {
      // Loaded only here: no other command needs a database.
      const { usageReport } = await import('./usage.ts')
      done(await usageReport(edge, options))
    })
  for (const name of USAGE_NOT_SERVED) describeRefusal(usage, name, () => done(notServed(edge, `usage ${name}`)))
}
