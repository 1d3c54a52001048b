// SPDX-License-Identifier: Apache-2.0
import { fstatSync } from 'node:fs';

/** As syslog(3) numbers them. */
const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const LEVEL = /^\{"level":"(\w+)"/;

/**
 * Whether a descriptor leads to systemd's journal.
 *
 * @param journalStream what systemd tells in JOURNAL_STREAM (systemd.exec(5)): the device and inode of it; undefined: nothing
 */
export function isJournal(journalStream: string | undefined, fd: number): boolean {
  if (journalStream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return journalStream === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}

/**
 * A line of the log with its priority before it, which the journal takes off (sd-daemon(3)).
 *
 * @param json the line as pino writes it
 * @param shown how it is written
 */
export function withPriority(json: string, shown: string = json): string {
  const priority = PRIORITIES[LEVEL.exec(json)?.[1] ?? ''];
  return priority === undefined ? shown : `<${priority}>${shown}`;
}
