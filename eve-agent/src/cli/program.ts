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
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { Command, CommanderError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { EndWithExitCode, exitCodeOf } from './exit-code.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';

type CreateCommand = (context: CommandContext) => Command;

/** Each command's code is loaded only when it is called, or its help is shown. */
const COMMANDS: Record<string, () => Promise<CreateCommand>> = {
  browse: async () => (await import('./browse.ts')).browseCommand,
  resolve: async () => (await import('./resolve.ts')).resolveCommand,
  download: async () => (await import('./download.ts')).downloadCommand,
  run: async () => (await import('./run.ts')).runCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  mirror: async () => (await import('./mirror.ts')).mirrorCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  health: async () => (await import('./health.ts')).healthCommand,
  watch: async () => (await import('./watch.ts')).watchCommand,
  logs: async () => (await import('./logs.ts')).logsCommand,
  pause: async () => (await import('./tree-actions.ts')).treeActionCommand('pause'),
  resume: async () => (await import('./tree-actions.ts')).treeActionCommand('resume'),
  cancel: async () => (await import('./tree-actions.ts')).treeActionCommand('cancel'),
  retry: async () => (await import('./tree-actions.ts')).treeActionCommand('retry'),
  deploy: async () => (await import('./deploy/deploy.ts')).deployCommand,
  app: async () => (await import('./app/app.ts')).appCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  cert: async () => (await import('./cert/cert.ts')).certCommand,
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
  'Commands for datastores:': ['browse', 'resolve', 'download', 'doctor', 'mirror'],
  'Commands for the service:': [
    'run',
    'status',
    'health',
    'watch',
    'logs',
    'pause',
    'resume',
    'cancel',
    'retry',
    'audit',
  ],
  'Commands for what is launched:': ['deploy', 'app', 'cert'],
  [SHELL]: ['schema', 'completion', 'man'],
};

/** Of all settings. */
const VARIABLE_PREFIX = 'EVE_AGENT_';
/** The command whose settings mostly come from the environment, and that nobody watches. */
const SERVICE = 'run';

function createProgram(version: string, context: CommandContext): Command {
  const { stdout, help } = context;
  // Opened when something is told there; what was mistyped is repeated.
  const stderr = { write: (text: string) => context.stderr.write(terminalText(text)) };
  return new Command('eve-agent')
    .description('Finds a datastore on the bridges of an EVE device, and downloads images from it.')
    .version(version)
    .showHelpAfterError('(run with --help for more)')
    .addHelpCommand(
      new Command('help').description('print the help of a command').argument('[command]').helpGroup(SHELL),
    )
    .configureHelp(HELP_FORMAT)
    .configureOutput(outputConfiguration({ stdout, stderr, ...(help && { help }) }))
    .exitOverride();
}

/** Loads commands, and adds them to a program. */
async function addCommands(
  program: Command,
  names: readonly string[],
  context: CommandContext,
): Promise<void> {
  for (const name of names) {
    const createCommand = await COMMANDS[name]?.();
    if (createCommand === undefined) continue;
    const command = createCommand(context);
    const [group] = Object.entries(GROUPS).find(([, members]) => members.includes(name)) ?? [];
    program.addCommand(group === undefined ? command : command.helpGroup(group));
  }
  inheritSettings(program);
}

/** The program with all its commands, as their definitions have it. */
export async function describeProgram(context: CommandContext): Promise<DescribedCommand> {
  const program = createProgram('', context);
  await addCommands(program, Object.keys(COMMANDS), context);
  return describeCommand(program);
}

/**
 * Tells of variables that the service would ignore. The other commands, whose variables may well stand beside its own,
 * are loaded only where one is not its own.
 */
async function warnOfVariables(
  program: Command,
  variables: readonly string[],
  context: CommandContext,
): Promise<void> {
  const own = variablesOf(program);
  const others = variables.filter((name) => name.startsWith(VARIABLE_PREFIX) && !own.has(name));
  if (others.length === 0) return;
  const all = new Command();
  await addCommands(all, Object.keys(COMMANDS), context);
  const advice = '"eve-agent run --help" lists those of the service';
  for (const warning of describeUnknownVariables(VARIABLE_PREFIX, variablesOf(all), others, advice))
    context.stderr.write(terminalText(`eve-agent: ${warning}\n`));
}

/**
 * Runs one command line.
 *
 * @param args what follows the program's name
 * @param environment variables without a value count as absent
 * @returns the exit code; what went wrong has been written to stderr
 */
export async function runProgram(
  args: readonly string[],
  version: string,
  context: CommandContext,
  environment: Environment = {},
): Promise<number> {
  const program = createProgram(version, context);
  readSwitchVariables(program, environment);
  const called = args.find((arg) => !arg.startsWith('-')) ?? '';
  const needed = Object.hasOwn(COMMANDS, called) ? [called] : Object.keys(COMMANDS);
  // The version is asked for without any command.
  const isVersion = args.length === 1 && ['--version', '-V'].includes(args[0] ?? '');
  try {
    if (!isVersion) await addCommands(program, needed, context);
    addHelpSections(program, MANUAL_TEXTS);
    if (called === SERVICE) await warnOfVariables(program, Object.keys(environment), context);
    await program.parseAsync(args, { from: 'user' });
    return EXIT_CODES.done;
  } catch (error) {
    // Commander has written its message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    if (error instanceof EndWithExitCode) return error.exitCode;
    // Whatever the abort made fail first, the signal is why.
    const cause = context.signal.aborted ? context.signal.reason : error;
    const isJson = isJsonWanted(program);
    context.stderr.write(isJson ? failureLine(cause) : terminalText(errorText(cause)));
    return exitCodeOf(cause);
  }
}

/** An error for people; with the stack when nobody foresaw it. Coded errors are raised on purpose. */
function errorText(error: unknown): string {
  if (error instanceof CodedError || exitCodeOf(error) !== EXIT_CODES.unexpected)
    return `eve-agent: ${plainReason(errorMessage(error))}\n`;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `eve-agent: unexpected error: ${stack}\n`;
}
