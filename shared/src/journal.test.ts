// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isJournal, withPriority } from './journal.ts';

describe('a descriptor', () => {
  const fd = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(fd);

  it.each<[string, string | undefined, boolean]>([
    ['is the journal that systemd tells of', `${dev}:${ino}`, true],
    ['is another file than that', `${dev}:${ino + 1}`, false],
    ['is no journal where systemd tells of none', undefined, false],
    ['is no journal where that is no text of systemd', '', false],
  ])('%s', (_, told, expected) => {
    expect(isJournal(told, fd)).toBe(expected);
  });

  it('that is closed is none', () => {
    const closed = openSync('/dev/null', 'w');
    closeSync(closed);
    expect(isJournal(`${dev}:${ino}`, closed)).toBe(false);
  });
});

describe('a line of the log', () => {
  it('that is none is left as it is', () => {
    expect(withPriority('(node:1) Warning: …\n')).toBe('(node:1) Warning: …\n');
  });
});
