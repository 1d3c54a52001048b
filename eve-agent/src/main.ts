#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { dropEmptyVariables } from '@local-datastore/shared/command-line/setting-variables';
import { createLog } from '@local-datastore/shared/log';
import { logPresenter } from '@local-datastore/shared/log-text';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { hasColors, logTerminalOf } from '@local-datastore/shared/text/styled-text';
import packageJson from '../package.json' with { type: 'json' };
import type { CommandContext } from './cli/command-context.ts';
import { exitCodeOfSignal, StoppedBySignal } from './cli/exit-code.ts';
import { runProgram } from './cli/program.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Once: a second signal of the same kind ends the process at once.
  process.once(signal, () => stop.abort(new StoppedBySignal(signal)));
}
/** Made when something is to be told there: most commands end without a word on it. */
let stderr: NodeJS.WriteStream | undefined;
function openStderr(): NodeJS.WriteStream {
  // Progress and logs that nobody takes, as when their reader ended, are no reason to stop.
  stderr ??= process.stderr.on('error', () => {});
  return stderr;
}
// A reader such as `head` that has seen enough.
process.stdout.on('error', () => process.exit(exitCodeOfSignal('SIGPIPE')));

const context: CommandContext = {
  // Results hold names and texts of others, whatever command prints them.
  stdout: {
    write: (text) => process.stdout.write(terminalText(text)),
    get columns() {
      return process.stdout.columns || undefined;
    },
  },
  help: {
    write: (text) => process.stdout.write(text),
    get columns() {
      return process.stdout.columns || undefined;
    },
    get hasColors() {
      return hasColors(process.stdout);
    },
  },
  get stderr() {
    return openStderr();
  },
  get terminal() {
    return { input: process.stdin, output: process.stdout };
  },
  signal: stop.signal,
  createLog: (level, format = 'auto') =>
    createLog(
      'eve-agent',
      level,
      undefined,
      logPresenter(format, logTerminalOf(process.stderr, process.env.JOURNAL_STREAM)),
    ),
};

dropEmptyVariables(process.env, 'EVE_AGENT_');
// No await: as a single executable file the program is CommonJS, which has none at the top level.
runProgram(process.argv.slice(2), packageJson.version, context, process.env).then((exitCode) => {
  process.exitCode = exitCode;
});
