// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';
import { systemErrorCode } from './errors.ts';
import { safeJson } from './text/json-text.ts';

/** The part of pino's logger that the programs use: fields first, then a sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Field names whose values never reach a log line, at the top level or one below. */
const SECRET_FIELDS = ['authorization', 'password', 'apiKey', 'token'];

const FORM = {
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label: string) => ({ level: label }) },
};

const STDERR = 2;
/** A reader that is slow is waited for so often and so long; then lines are lost until it reads on. */
const MAX_WAITS = 100;
const WAIT_MS = 10;
const never = new Int32Array(new SharedArrayBuffer(4));
let hasReaderStopped = false;

/**
 * Writes to stderr, in a way that the program outlives. pino's own destination (sonic-boom 4.2.1) tries for ever,
 * with the whole thread, to flush lines that nobody reads any more, and throws where their disk is full.
 */
function writeToStderr(text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  let waits = hasReaderStopped ? MAX_WAITS : 0;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDERR, rest));
    } catch (error) {
      waits += 1;
      hasReaderStopped = systemErrorCode(error) !== 'EAGAIN' || waits > MAX_WAITS;
      if (hasReaderStopped) return;
      Atomics.wait(never, 0, 0, WAIT_MS);
    }
  }
  hasReaderStopped = false;
}

/** How a line is written that is one JSON object; what comes of it must not act on a terminal. */
export type PresentLine = (json: string) => string;
/** Hears of each line that is written: one JSON object, from which secrets were taken. It must not log. */
export type HearLine = (json: string) => void;

/** Names, paths and texts in a line come from others: none of them acts on the terminal that shows it. */
const safely = (
  destination: DestinationStream,
  present: PresentLine = safeJson,
  onLine?: HearLine,
): DestinationStream => ({
  write(line) {
    onLine?.(line);
    destination.write(present(line));
  },
});

/**
 * A log that is made for its first line: most commands end without one.
 *
 * @param level lines below it make none
 */
function deferLog(level: LogLevel, makeLog: () => Log): Log {
  let made: Log | undefined;
  const log = () => {
    made ??= makeLog();
    return made;
  };
  const isKept = (lineLevel: LogLevel) => LOG_LEVELS.indexOf(lineLevel) >= LOG_LEVELS.indexOf(level);
  const writer = (lineLevel: Exclude<LogLevel, 'silent'>) =>
    isKept(lineLevel) ? (fields: object, message: string) => log()[lineLevel](fields, message) : () => {};
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    child: (fields) => deferLog(level, () => log().child(fields)),
  };
}

/**
 * Structured log lines, one JSON object each, on stderr (stdout belongs to results).
 *
 * @param destination where lines go instead of plain stderr
 * @param present how they are written otherwise
 */
export function createLog(
  name: string,
  level: LogLevel,
  destination?: DestinationStream,
  present?: PresentLine,
  onLine?: HearLine,
): Log {
  return deferLog(level, () => {
    const redact = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]);
    return pino(
      { name, level, ...FORM, redact },
      safely(destination ?? { write: writeToStderr }, present, onLine),
    );
  });
}

export interface BufferedLog {
  /** For fields that hold no secrets: it does not look for any. */
  readonly log: Log;
  /** Writes what is still held. Idempotent. */
  stop(): void;
}

/** A system call a line would cost more than the line; a second later nobody minds. */
const BUFFER_LENGTH = 4096;
const FLUSH_INTERVAL_MS = 1000;

/** {@link createLog} for very many lines: they are written together, at the latest after a second. */
export function createBufferedLog(
  name: string,
  level: LogLevel,
  present?: PresentLine,
  onLine?: HearLine,
): BufferedLog {
  let held = '';
  function flush(): void {
    const lines = held;
    held = '';
    // Written synchronously all the same: whole lines never mix with those of another log on stderr.
    if (lines !== '') writeToStderr(lines);
  }
  const timer = setInterval(flush, FLUSH_INTERVAL_MS).unref();
  return {
    log: pino(
      { name, level, ...FORM },
      safely(
        {
          write(line) {
            held += line;
            if (held.length >= BUFFER_LENGTH) flush();
          },
        },
        present,
        onLine,
      ),
    ),
    stop() {
      clearInterval(timer);
      flush();
    },
  };
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
