// SPDX-License-Identifier: Apache-2.0
import type { Readable, Writable } from 'node:stream';
import type { HelpOutput } from '@local-datastore/shared/command-line/help-format';
import type { BufferedLog, HearLine, Log, LogLevel } from '@local-datastore/shared/log';
import type { LogFormat } from '@local-datastore/shared/log-text';
import type { Closing } from './closing.ts';

/** What a command has of the process that it runs in. */
export interface CommandContext {
  readonly version: string;
  /** Results; nothing in them acts on a terminal, whatever a command writes. */
  readonly stdout: { write(text: string): unknown };
  /** Help; absent: stdout. */
  readonly help?: HelpOutput;
  /** What is no result: notes, warnings and errors, as safe. */
  readonly stderr: { write(text: string): unknown };
  /** The terminal that shows stderr, for what is written over again; undefined: it is none. */
  readonly terminal: { write(text: string): unknown; readonly columns: number } | undefined;
  /** Where content comes from that is called `-`. */
  readonly input: Readable;
  /** Where it goes. */
  readonly output: Writable;
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal;
  /** What a command opened, and is to be closed when it has ended. */
  readonly closing: Closing;
  /** @param format `auto` where none is said */
  createLog(level: LogLevel, format?: LogFormat, onLine?: HearLine): Log;
  /** For very many lines. */
  createBufferedLog(level: LogLevel, format?: LogFormat, onLine?: HearLine): BufferedLog;
}
