import { Option, type Command } from 'commander'
import type { Edge, Exit } from './edge.ts'
import type { LintOptions } from './spec/lint.ts'
import { FORMATS } from './spec/report.ts'
import type { ViewOptions } from './spec/view.ts'

/** `weir spec …`: what teams do with a document before, and apart from, its being served. */
export function describeSpec(program: Command, edge: Edge, done: (exit: Exit) => void): Command {
  const spec = program.command('spec').description('AsyncAPI documents, and what partners would get of them')
  spec
    .command('lint')
    .description('is a document valid, and good enough to be published? Exit code 1 where it is not')
    .argument('<file...>', 'documents, or folders of them')
    .addOption(new Option('--format <format>', 'text: for people, on stderr').choices(FORMATS).default('text'))
    .option('--json', 'the same as --format json')
    .action(async (files: readonly string[], options: LintOptions) => {
      // Loaded only here: no other command needs a compiler of its own.
      const { lint } = await import('./spec/lint.ts')
      done(await lint(edge, files, options))
    })
  spec
    .command('view')
    .description('the AsyncAPI document that partners would get of a document, as YAML')
    .argument('<file>', 'a document')
    .option('--consumer <id>', 'as this consumer of the configuration would get it')
    .option('--json', 'as JSON')
    .option('--config <file>', 'configuration file (default: weir.yaml, if it exists)')
    .action(async (file: string, options: ViewOptions) => {
      const { view } = await import('./spec/view.ts')
      done(await view(edge, file, options))
    })
  return spec
}
