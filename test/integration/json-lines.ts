// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a program has printed, one JSON value a line, kept from its start. */
export interface JsonLines<T> {
  readonly all: readonly T[];
  /**
   * The first value, from the given index on, that fits.
   *
   * @throws when none came in time, the program ended or printed something else; the message names what was
   *   waited for
   */
  waitFor(
    what: string,
    fits: (value: T) => boolean,
    options?: { from?: number; timeoutMs?: number },
  ): Promise<T>;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/** Reads a program's standard output line by line. Its standard error is kept for error messages. */
export function readJsonLines<T>(child: ChildProcess): JsonLines<T> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the program was started without pipes');
  const all: T[] = [];
  let errors = '';
  let whyOver: string | undefined;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.once('close', () => {
    whyOver ??= 'the program ended';
    notify();
  });
  createInterface({ input: stdout }).on('line', (line) => {
    try {
      all.push(JSON.parse(line) as T);
    } catch {
      whyOver = `not a JSON line: ${line}`;
    }
    notify();
  });

  return {
    all,
    waitFor(what, fits, { from = 0, timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
      return new Promise((resolve, reject) => {
        let next = from;
        const finish = () => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const fail = (why: string) => {
          finish();
          reject(new Error(`${what}: ${why}. Last line: ${JSON.stringify(all.at(-1))}\n${errors}`));
        };
        const look = () => {
          for (; next < all.length; next += 1) {
            const value = all[next] as T;
            if (!fits(value)) continue;
            finish();
            resolve(value);
            return;
          }
          if (whyOver !== undefined) fail(whyOver);
        };
        const timer = setTimeout(() => fail(`not within ${timeoutMs} ms`), timeoutMs);
        listeners.add(look);
        look();
      });
    },
  };
}
