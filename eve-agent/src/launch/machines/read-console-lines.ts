// SPDX-License-Identifier: Apache-2.0
import type { LogLine, LogsWanted } from '../engine/container-engine.ts';
import type { ConsoleLog } from './console-log.ts';

/** What a reader has not taken yet; of more the oldest are lost to it. */
const MAX_BEHIND_LINES = 1000;

/**
 * The lines of a console as a log is asked for.
 *
 * @param ended resolves when the machine has ended; null: it does not run
 * @throws the signal's reason
 */
export async function* readConsoleLines(
  log: ConsoleLog,
  ended: Promise<void> | null,
  { tail, isFollowed = false, hasTimes = false }: LogsWanted,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const asWanted = (line: LogLine) => (hasTimes ? line : { ...line, at: null });
  const lastOf = (lines: readonly LogLine[]) =>
    tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail));
  if (!isFollowed || ended === null) {
    for (const line of lastOf(await log.read())) yield asWanted(line);
    return;
  }
  const queue: LogLine[] = [];
  let wake = () => {};
  let isOver = false;
  const { lines, end } = await log.follow((line) => {
    if (queue.push(line) > MAX_BEHIND_LINES) queue.shift();
    wake();
  });
  const finish = () => {
    isOver = true;
    wake();
  };
  void ended.then(finish);
  signal.addEventListener('abort', finish, { once: true });
  if (signal.aborted) finish();
  try {
    for (const line of lastOf(lines)) yield asWanted(line);
    for (;;) {
      const line = queue.shift();
      if (line !== undefined) yield asWanted(line);
      else if (isOver) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    signal.throwIfAborted();
  } finally {
    end();
    signal.removeEventListener('abort', finish);
  }
}
