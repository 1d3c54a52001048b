import { type DescribedCommand, describeCommand } from '@local-datastore/shared/command-line/command-table';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { HELP_FORMAT, outputConfiguration } from '@local-datastore/shared/command-line/help-format';
import { addHelpSections } from '@local-datastore/shared/command-line/help-sections';
import { inheritSettings } from '@local-datastore/shared/command-line/inherit-settings';
import { schemaCommand } from '@local-datastore/shared/command-line/schema-command';
import { completionCommand, manCommand } from '@local-datastore/shared/command-line/shell-commands';
import {
  describeUnknownVariables,
  variablesOf,
} from '@local-datastore/shared/command-line/unknown-variables';
import { errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { Command, CommanderError } from 'commander';
import { caCommand } from './ca.ts';
import { checkCommand } from './check.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodeOf } from './exit-code.ts';
import { healthCommand } from './health.ts';
import { imagesCommand } from './images.ts';
import { importCommand } from './import/import.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';
import { registryCommand } from './registry/registry.ts';
import { serveCommand } from './serve.ts';
import { tokenCommand } from './token.ts';

/** Of all settings. */
const VARIABLE_PREFIX = 'DATASTORE_';

const SHELL = 'Commands for the shell:';
/** Headings of the help, and the commands below them. */
const GROUPS: Readonly<Record<string, readonly ((context: CommandContext) => Command)[]>> = {
  'Commands for the server:': [serveCommand, checkCommand, healthCommand, tokenCommand, caCommand],
  'Commands for what it serves:': [imagesCommand, importCommand, registryCommand],
  [SHELL]: [
    (context) =>
      schemaCommand({
        stdout: context.stdout,
        load: async () =>
          (await import('./published-schemas.ts')).publishedSchemas(() => describeProgram(context)),
      }),
    (context) => completionCommand({ stdout: context.stdout, describe: () => describeProgram(context) }),
    (context) =>
      manCommand({ stdout: context.stdout, describe: () => describeProgram(context) }, MANUAL_TEXTS),
  ],
};

/** The program with all its commands, as their definitions have it. */
export async function describeProgram(context: CommandContext): Promise<DescribedCommand> {
  return describeCommand(createProgram(context));
}

function createProgram(context: CommandContext): Command {
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
  for (const [group, creators] of Object.entries(GROUPS))
    for (const create of creators) program.addCommand(create(context).helpGroup(group));
  inheritSettings(program);
  return addHelpSections(program, MANUAL_TEXTS);
}

/**
 * Runs one command line.
 *
 * @param args what follows the program's name
 * @param variables names of the environment: those that look like settings and are none are told
 * @returns the exit code; what went wrong has been written to stderr
 */
export async function runProgram(
  args: readonly string[],
  variables: readonly string[],
  context: CommandContext,
): Promise<number> {
  const program = createProgram(context);
  const say = (text: string) => context.stderr.write(`datastore-app: ${text}\n`);
  const known = variablesOf(program);
  const advice = 'serve --help lists all there are';
  for (const warning of describeUnknownVariables(VARIABLE_PREFIX, known, variables, advice)) say(warning);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT_CODES.done;
  } catch (error) {
    // Commander has written its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    const exitCode = exitCodeOf(error);
    const isForeseen = exitCode !== undefined || !(error instanceof Error);
    say(isForeseen ? plainReason(errorMessage(error)) : `unexpected error: ${error.stack}`);
    return exitCode ?? EXIT_CODES.unexpected;
  } finally {
    await context.closing.run();
  }
}
