#!/usr/bin/env node
import './collect-early.ts';

import { Console } from 'node:console';
import { constants } from 'node:os';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { caCommand } from './cli/ca.ts';
import { checkCommand } from './cli/check.ts';
import { imagesCommand } from './cli/images.ts';
import { serveCommand } from './cli/serve.ts';
import { tokenCommand } from './cli/token.ts';
import { describeUnknownVariables } from './cli/unknown-variables.ts';

/** The one place that says which error ends the program with which code. */
const EXIT_CODE_OF: Readonly<Record<string, number>> = {
  CONFIGURATION_INVALID: EXIT_CODES.usage,
  IMAGE_CORRUPT: EXIT_CODES.contentMismatch,
  NAME_INVALID: EXIT_CODES.usage,
  NAME_RESERVED: EXIT_CODES.usage,
  UPLOAD_INVALID: EXIT_CODES.usage,
  BUNDLE_INVALID: EXIT_CODES.contentMismatch,
  PATH_TAKEN: EXIT_CODES.usage,
  IMAGE_EXISTS: EXIT_CODES.usage,
  IMAGE_MISSING: EXIT_CODES.usage,
  INCOMPLETE: EXIT_CODES.contentMismatch,
  EMPTY_CONTENT: EXIT_CODES.usage,
  SIZE_MISMATCH: EXIT_CODES.contentMismatch,
  DIGEST_MISMATCH: EXIT_CODES.contentMismatch,
  NO_SPACE: EXIT_CODES.noSpace,
  QUOTA_EXCEEDED: EXIT_CODES.noSpace,
};

// @homebridge/ciao 1.3.12 tells of failed goodbyes with console.log; stdout belongs to results.
globalThis.console = new Console(process.stderr, process.stderr);

// A reader such as `head` that has seen enough.
process.stdout.on('error', () => process.exit(128 + constants.signals.SIGPIPE));

// A variable without a value, as templates leave them, is one that is not set.
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('DATASTORE_') && value === '') delete process.env[name];
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort();
    // Whoever asks twice does not want to wait.
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  });
}

const program = new Command('datastore-app')
  .description('Serves images to EVE-OS devices, and is found by multicast DNS.')
  .version(packageJson.version)
  // What was mistyped is repeated there.
  .configureOutput({ writeErr: (text) => process.stderr.write(terminalText(text)) })
  .showHelpAfterError('(run with --help for more)')
  .exitOverride();
for (const command of [
  serveCommand(packageJson.version, stop.signal),
  checkCommand(),
  imagesCommand(),
  tokenCommand(),
  caCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}
for (const nested of program.commands.flatMap((command) => command.commands))
  nested.copyInheritedSettings(program);

for (const warning of describeUnknownVariables(program, Object.keys(process.env))) {
  process.stderr.write(`datastore-app: ${terminalText(warning)}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  } else {
    const code = error instanceof CodedError ? EXIT_CODE_OF[error.code] : undefined;
    const isForeseen = code !== undefined;
    const text =
      !isForeseen && error instanceof Error ? `unexpected error: ${error.stack}` : errorMessage(error);
    process.stderr.write(`datastore-app: ${terminalText(text)}\n`);
    process.exitCode = code ?? EXIT_CODES.unexpected;
  }
}
