#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import './collect-early.ts';

import { Console } from 'node:console';
import { constants } from 'node:os';
import { dropEmptyVariables } from '@local-datastore/shared/command-line/setting-variables';
import { createBufferedLog, createLog } from '@local-datastore/shared/log';
import { type LogFormat, logPresenter } from '@local-datastore/shared/log-text';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { hasColors, logTerminalOf } from '@local-datastore/shared/text/styled-text';
import packageJson from '../package.json' with { type: 'json' };
import { createClosing } from './cli/closing.ts';
import { runProgram } from './cli/program.ts';

const NAME = 'datastore-app';

// @homebridge/ciao 1.3.12 tells of failed goodbyes with console.log; stdout belongs to results.
globalThis.console = new Console(process.stderr, process.stderr);

// A reader such as `head` that has seen enough.
process.stdout.on('error', () => process.exit(128 + constants.signals.SIGPIPE));

dropEmptyVariables(process.env, 'DATASTORE_');

const presenterOf = (format: LogFormat) =>
  logPresenter(format, logTerminalOf(process.stderr, process.env.JOURNAL_STREAM));

const stop = new AbortController();
let stoppedBy: 'SIGINT' | 'SIGTERM' | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stoppedBy ??= signal;
    stop.abort();
    // Whoever asks twice does not want to wait.
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  });
}

const exitCode = await runProgram(process.argv.slice(2), process.env, {
  version: packageJson.version,
  // Names of images and what was mistyped come from others.
  stdout: { write: (text) => process.stdout.write(terminalText(text)) },
  help: {
    write: (text) => process.stdout.write(text),
    columns: process.stdout.columns || undefined,
    get hasColors() {
      return hasColors(process.stdout);
    },
  },
  stderr: { write: (text) => process.stderr.write(terminalText(text)) },
  terminal: process.stderr.isTTY ? process.stderr : undefined,
  // Opened by who needs it: a pipe on stdin that nobody reads must not keep the process.
  get input() {
    return process.stdin;
  },
  output: process.stdout,
  signal: stop.signal,
  closing: createClosing(),
  createLog: (level, format = 'auto', onLine) =>
    createLog(NAME, level, undefined, presenterOf(format), onLine),
  createBufferedLog: (level, format = 'auto', onLine) =>
    createBufferedLog(NAME, level, presenterOf(format), onLine),
});
// What a signal kept from its end is told as a shell tells it; a service ends well by one.
process.exitCode = exitCode === 0 || stoppedBy === undefined ? exitCode : 128 + constants.signals[stoppedBy];
