// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';

/** One line of the log, for those who follow it. */
export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  /** The content trees that it is about. */
  readonly trees: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that can be followed, and remembers its last lines. */
export interface LogStream {
  readonly log: Log;
  recent(): readonly LogLine[];
  onLine(listener: (line: LogLine) => void): () => void;
}

const MAX_LINES = 2000;
/** As the log itself hides them. */
const SECRET_FIELDS = new Set(['authorization', 'password', 'apiKey', 'token']);

/** JSON-safe fields: errors by their message, secrets not at all. */
function plainFields(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).flatMap(([key, value]) => {
    if (SECRET_FIELDS.has(key)) return [];
    return [[key, value instanceof Error ? value.message : value] as const];
  });
  return Object.fromEntries(entries);
}

/** Puts a stream beside a log: everything from `info` on goes to both. */
export function createLogStream(log: Log, wallMs: () => number): LogStream {
  const lines: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();

  function keep(level: LogLine['level'], bound: object, fields: object, message: string): void {
    const { trees = [], ...rest } = plainFields({ ...bound, ...fields }) as { trees?: readonly string[] };
    const line = { time: new Date(wallMs()).toISOString(), level, message, trees, fields: rest };
    lines.push(line);
    if (lines.length > MAX_LINES) lines.splice(0, lines.length - MAX_LINES);
    for (const listener of listeners) listener(line);
  }

  const wrap = (inner: Log, bound: object): Log => ({
    debug: (fields, message) => inner.debug(fields, message),
    info(fields, message) {
      inner.info(fields, message);
      keep('info', bound, fields, message);
    },
    warn(fields, message) {
      inner.warn(fields, message);
      keep('warn', bound, fields, message);
    },
    error(fields, message) {
      inner.error(fields, message);
      keep('error', bound, fields, message);
    },
    child: (fields) => wrap(inner.child(fields), { ...bound, ...fields }),
  });

  return {
    log: wrap(log, {}),
    recent: () => lines,
    onLine(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
