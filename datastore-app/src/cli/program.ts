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
import { errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { CommanderError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { exitCodeOf } from './exit-code.ts';
import { MANUAL_TEXTS } from './manual-texts.ts';

const NAME = 'datastore-app';

const definitionFor = (version: string): ProgramDefinition<CommandContext> => ({
  name: NAME,
  description: 'Serves images to EVE-OS devices, and is found by multicast DNS.',
  version,
  commands: {
    serve: async () => (await import('./serve.ts')).serveCommand,
    check: async () => (await import('./check.ts')).checkCommand,
    health: async () => (await import('./health.ts')).healthCommand,
    token: async () => (await import('./token.ts')).tokenCommand,
    ca: async () => (await import('./ca.ts')).caCommand,
    images: async () => (await import('./images.ts')).imagesCommand,
    import: async () => (await import('./import/import.ts')).importCommand,
    changes: async () => (await import('./changes.ts')).changesCommand,
    registry: async () => (await import('./registry/registry.ts')).registryCommand,
  },
  groups: {
    'Commands for the server:': ['serve', 'check', 'health', 'token', 'ca'],
    'Commands for what it serves:': ['images', 'import', 'registry', 'changes'],
  },
  manual: MANUAL_TEXTS,
  variablePrefix: 'DATASTORE_',
  variableAdvice: 'serve --help lists all there are',
  loadSchemas: async (describeAll) => (await import('./published-schemas.ts')).publishedSchemas(describeAll),
});

/** Called every few seconds, and read by nobody: it loads nothing to tell of variables. */
const PROBE = 'health';

/** The program with all its commands, as their definitions have it. */
export const describeProgram = (context: CommandContext): Promise<DescribedCommand> =>
  describe(definitionFor(context.version), context);

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
  const definition = definitionFor(context.version);
  const program = await programFor(definition, args, context);
  readSwitchVariables(program, environment);
  const say = (text: string) => context.stderr.write(`${NAME}: ${text}\n`);
  if (calledBy(args) !== PROBE) await warnOfVariables(definition, program, Object.keys(environment), context);
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
