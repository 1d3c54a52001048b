// SPDX-License-Identifier: Apache-2.0
import { createRing } from './ring.ts';

/** A line of the log. */
export interface LogLine {
  /** Grows by one a line. */
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  readonly level: string;
  readonly message: string;
  /** What else stands in it; of a very long line nothing. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The last lines of the log, for who cannot reach a terminal. */
export interface LogLines {
  /** @param json a line as it is written, without secrets */
  note(json: string): void;
  /** Oldest first. */
  list(): LogLine[];
  /** Tells of every line from now on. @returns what ends that */
  follow(listener: (line: LogLine) => void): () => void;
}

const CAPACITY = 1000;
/** With this, all lines together have a bound: 4 MiB. */
const MAX_LINE_LENGTH = 4096;
/** Of every line the same, and known to who asks. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);

interface Kept {
  readonly id: number;
  readonly json: string;
}

function parseLine({ id, json }: Kept): LogLine {
  const line = JSON.parse(json) as Record<string, unknown>;
  const { time, level, msg } = line;
  const fields = Object.fromEntries(Object.entries(line).filter(([key]) => !LEFT_OUT.has(key)));
  return { id, time: String(time), level: String(level), message: String(msg ?? ''), fields };
}

function shortened(json: string): string {
  if (json.length <= MAX_LINE_LENGTH) return json;
  const { time, level, message } = parseLine({ id: 0, json });
  return JSON.stringify({ time, level, msg: message.slice(0, 1000) });
}

export function createLogLines({ capacity = CAPACITY }: { readonly capacity?: number } = {}): LogLines {
  const ring = createRing<Kept>(capacity);
  const listeners = new Set<(line: LogLine) => void>();
  let lastId = 0;
  return {
    note(json) {
      lastId += 1;
      // Very many may come: none is parsed before somebody reads it.
      const kept = { id: lastId, json: shortened(json) };
      ring.add(kept);
      if (listeners.size === 0) return;
      const line = parseLine(kept);
      for (const listener of listeners) listener(line);
    },
    list: () => ring.list().map(parseLine).reverse(),
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
