import type { Argument, Command, Option } from 'commander'
import { describeProgram } from '../gateway/cli/cli.ts'
import { MANUAL, type ManualPage } from './manual.ts'

const HEAD = `# The command line

Data goes to stdout, words for people to stderr. With \`--json\` stdout holds one JSON value, of \`tail\` one a line, and nothing else; where a command fails before it
has something to tell, stdout stays empty. A mistyped command, option, key or name is answered with the nearest one there is.

| exit code | |
|---|---|
| 0 | done |
| 1 | refused: what was asked about is not so |
| 2 | wrong usage: the command line, or the configuration that the command needs |
| 3 | a system that it needs does not answer |
| 70 | a fault of Weir; with \`WEIR_LOG_LEVEL=debug\` stderr says where |

\`--config\` names the configuration; absent, it is \`weir.yaml\` in the working directory, if there is one, and every key has a variable
([configuration.md](configuration.md)). From a checkout the program is \`npx weir\`. Generated from the commands themselves by \`npm run docs\`.
`

/** A command that does something, by its words: `spec lint`. Those that are refused by name are left out. */
export interface Described {
  readonly words: string
  readonly command: Command
}

export function commandsOf(parent: Command, words: readonly string[] = []): readonly Described[] {
  const shown = parent.createHelp().visibleCommands(parent)
  return shown.flatMap((command) => {
    const path = [...words, command.name()]
    if (command.name() === 'help') return []
    return command.commands.length > 0 ? commandsOf(command, path) : [{ words: path.join(' '), command }]
  })
}

/** All commands that a user is told of; nothing is run. */
export function allCommands(): readonly Described[] {
  return commandsOf(describeProgram({} as never, () => undefined))
}

/** docs/cli.md, whole. */
export function cliReference(): string {
  return [HEAD, ...allCommands().map(section)].join('\n')
}

function section({ words, command }: Described): string {
  const page = MANUAL[words]
  if (page === undefined) throw new Error(`scripts/manual.ts has no page for \`weir ${words}\``)
  const help = command.createHelp()
  const rows = [...command.registeredArguments.map(argumentRow), ...help.visibleOptions(command).map(optionRow)]
  const parts = [
    `## \`weir ${words}\``,
    sentence(command.description()),
    fenced([`weir ${words} ${command.usage()}`], ''),
    ['| argument or option | default | |', '|---|---|---|', ...rows].join('\n'),
    page.examples.length > 0 ? fenced(page.examples, 'sh') : '',
    `\`--json\`: ${page.json}.`,
    exitsOf(page),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function exitsOf({ exits }: ManualPage): string {
  const rows = Object.entries(exits).map(([code, when]) => `| ${code} | ${when} |`)
  return ['| exit code | when |', '|---|---|', ...rows].join('\n')
}

function argumentRow(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '…' : ''}`
  return row([`\`<${name}>\``, 'required', argument.description])
}

function optionRow(option: Option): string {
  const preset: unknown = option.defaultValue
  const fallback = option.mandatory ? 'required' : typeof preset === 'string' ? `\`${preset}\`` : ''
  const choices = option.argChoices ? `; one of ${option.argChoices.map((one) => `\`${one}\``).join(', ')}` : ''
  return row([`\`${option.flags}\``, fallback, `${option.description}${choices}`])
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function fenced(lines: readonly string[], language: string): string {
  return `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
