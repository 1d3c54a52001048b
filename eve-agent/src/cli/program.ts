// SPDX-License-Identifier: Apache-2.0
import {
  calledBy,
  describeProgram as describe,
  type ProgramDefinition,
  programFor,
  warnOfVariables,
} from '@local-datastore/shared/command-line/command-program';
import type { DescribedCommand } from '@local-datastore/shared/command-line/command-table';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { failureLine, isJsonWanted } from '@local-datastore/shared/command-line/failure-line';
import {
  type Environment,
  readSwitchVariables,
} from '@local-datastore/shared/command-line/setting-variables';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { CommanderError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { EndWithExitCode, exitCodeOf } from './exit-code.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';

const NAME = 'eve-agent';

const definitionFor = (version: string): ProgramDefinition<CommandContext> => ({
  name: NAME,
  description: 'Finds a datastore on the bridges of an EVE device, and downloads images from it.',
  version,
  commands: {
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
  },
  groups: {
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
  },
  manual: MANUAL_TEXTS,
  variablePrefix: 'EVE_AGENT_',
  variableAdvice: '"eve-agent run --help" lists those of the service',
  loadSchemas: async (describeAll) => (await import('./published-schemas.ts')).publishedSchemas(describeAll),
});

/** The command whose settings mostly come from the environment, and that nobody watches. */
const SERVICE = 'run';

/** The program with all its commands, as their definitions have it. */
export const describeProgram = (context: CommandContext): Promise<DescribedCommand> =>
  describe(definitionFor(''), context);

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
  const definition = definitionFor(version);
  const program = await programFor(definition, args, context);
  readSwitchVariables(program, environment);
  try {
    if (calledBy(args) === SERVICE)
      await warnOfVariables(definition, program, Object.keys(environment), context);
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
    return `${NAME}: ${plainReason(errorMessage(error))}\n`;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${NAME}: unexpected error: ${stack}\n`;
}
