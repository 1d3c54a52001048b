// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { terminalText } from '../text/printable-text.ts';
import { type DescribedCommand, describeCommand } from './command-table.ts';
import { HELP_FORMAT, type HelpOutput, outputConfiguration } from './help-format.ts';
import { addHelpSections } from './help-sections.ts';
import { inheritSettings } from './inherit-settings.ts';
import type { ManualTexts } from './manual-page.ts';
import type { PublishedSchemas } from './schema-command.ts';
import { describeUnknownVariables, variablesOf } from './unknown-variables.ts';

/** Where a program writes. */
export interface ProgramOutput {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Absent: stdout. */
  readonly help?: HelpOutput;
}

type LoadCommand<Context> = () => Promise<(context: Context) => Command>;

/** A program of several commands, before it is called. */
export interface ProgramDefinition<Context extends ProgramOutput> {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** Each command's code is loaded only when it is called, or its help is shown. */
  readonly commands: Readonly<Record<string, LoadCommand<Context>>>;
  /** Headings of the help, and the commands below them, in this order; those for the shell follow. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly manual: ManualTexts;
  /** Of all settings, such as `EVE_AGENT_`. */
  readonly variablePrefix: string;
  /** What to do about a variable that resembles no setting. */
  readonly variableAdvice: string;
  /** Loads the schemas that it publishes. @param describe the program with all its commands */
  loadSchemas(describe: () => Promise<DescribedCommand>): Promise<PublishedSchemas>;
}

const SHELL = 'Commands for the shell:';

/** The commands that every program has for the shell. */
function shellCommands<Context extends ProgramOutput>(
  program: ProgramDefinition<Context>,
): Readonly<Record<string, LoadCommand<Context>>> {
  const describe = (context: Context) => () => describeProgram(program, context);
  return {
    schema: async () => {
      const { schemaCommand } = await import('./schema-command.ts');
      return (context) =>
        schemaCommand({ stdout: context.stdout, load: () => program.loadSchemas(describe(context)) });
    },
    completion: async () => {
      const { completionCommand } = await import('./shell-commands.ts');
      return (context) => completionCommand({ stdout: context.stdout, describe: describe(context) });
    },
    man: async () => {
      const { manCommand } = await import('./shell-commands.ts');
      return (context) => manCommand({ stdout: context.stdout, describe: describe(context) }, program.manual);
    },
  };
}

async function createProgram<Context extends ProgramOutput>(
  definition: ProgramDefinition<Context>,
  context: Context,
  /** Absent: all. */
  called?: string,
): Promise<Command> {
  const { stdout, help } = context;
  // What was mistyped is repeated.
  const stderr = { write: (text: string) => context.stderr.write(terminalText(text)) };
  const program = new Command(definition.name)
    .description(definition.description)
    .version(definition.version)
    .addHelpCommand(
      new Command('help').description('print the help of a command').argument('[command]').helpGroup(SHELL),
    )
    .configureHelp(HELP_FORMAT)
    .configureOutput(outputConfiguration({ stdout, stderr, ...(help && { help }) }))
    .showHelpAfterError('(run with --help for more)')
    .exitOverride();
  for (const [name, load] of Object.entries({ ...definition.commands, ...shellCommands(definition) })) {
    if (called !== undefined && called !== name) continue;
    const create = await load();
    const [group = SHELL] =
      Object.entries(definition.groups).find(([, members]) => members.includes(name)) ?? [];
    program.addCommand(create(context).helpGroup(group));
  }
  inheritSettings(program);
  return addHelpSections(program, definition.manual);
}

/** What a command line calls; `''`: nothing that has a name. */
export const calledBy = (args: readonly string[]): string => args.find((arg) => !arg.startsWith('-')) ?? '';

/** The program with the command that is called, or with all where it is none of its own. */
export async function programFor<Context extends ProgramOutput>(
  definition: ProgramDefinition<Context>,
  args: readonly string[],
  context: Context,
): Promise<Command> {
  const called = calledBy(args);
  const isOwn = Object.hasOwn({ ...definition.commands, ...shellCommands(definition) }, called);
  // The version is asked for without any command.
  const isVersion = args.length === 1 && ['--version', '-V'].includes(args[0] ?? '');
  return await createProgram(definition, context, isOwn || isVersion ? called : undefined);
}

/** The program with all its commands, as their definitions have it. */
export async function describeProgram<Context extends ProgramOutput>(
  definition: ProgramDefinition<Context>,
  context: Context,
): Promise<DescribedCommand> {
  return describeCommand(await createProgram(definition, context));
}

/**
 * Tells of variables that look like settings, and are none. All commands, whose variables may well stand beside those of
 * the one that is called, are loaded only where one is not its own.
 *
 * @param program with the command that is called
 * @param variables names of the environment
 */
export async function warnOfVariables<Context extends ProgramOutput>(
  definition: ProgramDefinition<Context>,
  program: Command,
  variables: readonly string[],
  context: Context,
): Promise<void> {
  const { name, variablePrefix, variableAdvice } = definition;
  const own = variablesOf(program);
  const others = variables.filter((each) => each.startsWith(variablePrefix) && !own.has(each));
  if (others.length === 0) return;
  const known = variablesOf(await createProgram(definition, context));
  for (const warning of describeUnknownVariables(variablePrefix, known, others, variableAdvice))
    context.stderr.write(terminalText(`${name}: ${warning}\n`));
}
