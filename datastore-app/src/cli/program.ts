// SPDX-License-Identifier: Apache-2.0
import { type DescribedCommand, describeCommand } from '@local-datastore/shared/command-line/command-table';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { failureLine, isJsonWanted } from '@local-datastore/shared/command-line/failure-line';
import { HELP_FORMAT, outputConfiguration } from '@local-datastore/shared/command-line/help-format';
import { addHelpSections } from '@local-datastore/shared/command-line/help-sections';
import { inheritSettings } from '@local-datastore/shared/command-line/inherit-settings';
import {
  type Environment,
  readSwitchVariables,
} from '@local-datastore/shared/command-line/setting-variables';
import {
  describeUnknownVariables,
  variablesOf,
} from '@local-datastore/shared/command-line/unknown-variables';
import { errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { Command, CommanderError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { exitCodeOf } from './exit-code.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';

/** Of all settings. */
const VARIABLE_PREFIX = 'DATASTORE_';

type CreateCommand = (context: CommandContext) => Command;

/** Each command's code is loaded only when it is called, or its help is shown. */
const COMMANDS: Readonly<Record<string, () => Promise<CreateCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  health: async () => (await import('./health.ts')).healthCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  ca: async () => (await import('./ca.ts')).caCommand,
  images: async () => (await import('./images.ts')).imagesCommand,
  import: async () => (await import('./import/import.ts')).importCommand,
  changes: async () => (await import('./changes.ts')).changesCommand,
  registry: async () => (await import('./registry/registry.ts')).registryCommand,
  schema: async () => {
    const { schemaCommand } = await import('@local-datastore/shared/command-line/schema-command');
    return (context) =>
      schemaCommand({
        stdout: context.stdout,
        load: async () =>
          (await import('./published-schemas.ts')).publishedSchemas(() => describeProgram(context)),
      });
  },
  completion: async () => {
    const { completionCommand } = await import('@local-datastore/shared/command-line/shell-commands');
    return (context) =>
      completionCommand({ stdout: context.stdout, describe: () => describeProgram(context) });
  },
  man: async () => {
    const { manCommand } = await import('@local-datastore/shared/command-line/shell-commands');
    return (context) =>
      manCommand({ stdout: context.stdout, describe: () => describeProgram(context) }, MANUAL_TEXTS);
  },
};

const SHELL = 'Commands for the shell:';
/** Headings of the help, and what stands below them, in this order. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Commands for the server:': ['serve', 'check', 'health', 'token', 'ca'],
  'Commands for what it serves:': ['images', 'import', 'registry', 'changes'],
  [SHELL]: ['schema', 'completion', 'man'],
};

/** Called every few seconds, and read by nobody: it loads nothing to tell of variables. */
const PROBE = 'health';

/** The program with all its commands, as their definitions have it. */
export async function describeProgram(context: CommandContext): Promise<DescribedCommand> {
  return describeCommand(await createProgram(context, Object.keys(COMMANDS)));
}

async function createProgram(context: CommandContext, names: readonly string[]): Promise<Command> {
  const { stdout, stderr, help } = context;
  const program = new Command('datastore-app')
    .description('Serves images to EVE-OS devices, and is found by multicast DNS.')
    .version(context.version)
    .addHelpCommand(
      new Command('help').description('print the help of a command').argument('[command]').helpGroup(SHELL),
    )
    .configureHelp(HELP_FORMAT)
    .configureOutput(outputConfiguration({ stdout, stderr, ...(help && { help }) }))
    .showHelpAfterError('(run with --help for more)')
    .exitOverride();
  for (const name of names) {
    const create = await COMMANDS[name]?.();
    if (create === undefined) continue;
    const [group = SHELL] = Object.entries(GROUPS).find(([, members]) => members.includes(name)) ?? [];
    program.addCommand(create(context).helpGroup(group));
  }
  inheritSettings(program);
  return addHelpSections(program, MANUAL_TEXTS);
}

/** Tells of variables that look like settings, and are none of any command. */
async function warnOfVariables(
  program: Command,
  variables: readonly string[],
  context: CommandContext,
): Promise<void> {
  const own = variablesOf(program);
  const others = variables.filter((name) => name.startsWith(VARIABLE_PREFIX) && !own.has(name));
  if (others.length === 0) return;
  const known = variablesOf(await createProgram(context, Object.keys(COMMANDS)));
  const advice = 'serve --help lists all there are';
  for (const warning of describeUnknownVariables(VARIABLE_PREFIX, known, others, advice))
    context.stderr.write(`datastore-app: ${warning}\n`);
}

/**
 * Runs one command line.
 *
 * @param args what follows the program's name
 * @param environment of its variables those that look like settings and are none are told
 * @returns the exit code; what went wrong has been written to stderr
 */
export async function runProgram(
  args: readonly string[],
  environment: Environment,
  context: CommandContext,
): Promise<number> {
  const called = args.find((arg) => !arg.startsWith('-')) ?? '';
  const program = await createProgram(
    context,
    Object.hasOwn(COMMANDS, called) ? [called] : Object.keys(COMMANDS),
  );
  readSwitchVariables(program, environment);
  const say = (text: string) => context.stderr.write(`datastore-app: ${text}\n`);
  if (called !== PROBE) await warnOfVariables(program, Object.keys(environment), context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT_CODES.done;
  } catch (error) {
    // Commander has written its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    const exitCode = exitCodeOf(error);
    const isForeseen = exitCode !== undefined || !(error instanceof Error);
    if (isJsonWanted(program)) context.stderr.write(failureLine(error));
    else say(isForeseen ? plainReason(errorMessage(error)) : `unexpected error: ${error.stack}`);
    return exitCode ?? EXIT_CODES.unexpected;
  } finally {
    await context.closing.run();
  }
}
