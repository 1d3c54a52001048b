// SPDX-License-Identifier: Apache-2.0
import type { Readable, Writable } from 'node:stream';
import type { HelpOutput } from '@local-datastore/shared/command-line/help-format';
import type { Log, LogLevel } from '@local-datastore/shared/log';
import type { LogFormat } from '@local-datastore/shared/log-text';

/** The terminal of whoever calls, or what stands in its place: bytes, as they come. */
export interface Terminal {
  /** A terminal, a file, or a pipe. */
  readonly input: Readable & Partial<Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode'>>;
  /** Without the filter of what acts on a terminal: for what is meant to. */
  readonly output: Writable;
}

/** What a command has of the process that it runs in. */
export interface CommandContext {
  /** Results; with the columns of its terminal, where it is one. */
  readonly stdout: { write(text: string): unknown; readonly columns?: number | undefined };
  /** Help; absent: stdout. */
  readonly help?: HelpOutput;
  /** Logs, progress and errors. */
  readonly stderr: NodeJS.WriteStream;
  readonly terminal: Terminal;
  /** Aborted, with a StoppedBySignal, when the process is told to end. */
  readonly signal: AbortSignal;
  /** @param format `auto` where none is said */
  createLog(level: LogLevel, format?: LogFormat): Log;
}
