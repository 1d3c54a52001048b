import { mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { expect, it } from 'vitest';
import { plainReason } from './plain-reason.ts';

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not fail');
}

it.each<[string, () => unknown, string]>([
  ['file /none cannot be read: ', () => readFileSync('/none'), 'no such file or directory'],
  ['', () => readFileSync('/none'), 'no such file or directory: /none'],
  ['', () => readFileSync('/'), 'illegal operation on a directory'],
  ['', () => renameSync('/none', '/other'), 'no such file or directory: /none, /other'],
  ['', () => mkdtempSync('/none/x'), 'no such file or directory: /none/xXXXXXX'],
])('%s…', (before, act, plain) => {
  expect(plainReason(before + messageOf(act))).toBe(before + plain);
});

it.each(['ERROR: a, b', 'HTTPS: on, off', 'nothing of the system', 'EVE: yes'])(
  'leaves "%s" as it is',
  (text) => {
    expect(plainReason(text)).toBe(text);
  },
);
