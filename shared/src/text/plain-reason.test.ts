// SPDX-License-Identifier: Apache-2.0
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

it.each([
  ['at /run/x.sock: connect ENOENT /run/x.sock', 'at /run/x.sock: no such file or directory'],
  [
    'at http://a (connect ECONNREFUSED 127.0.0.1:80): start it',
    'at http://a (connection refused: 127.0.0.1:80): start it',
  ],
  ['http://127.0.0.1:80: connect ECONNREFUSED 127.0.0.1:80', 'http://127.0.0.1:80: connection refused'],
  ['on :::80: listen EADDRINUSE: address already in use :::80', 'on :::80: address already in use'],
  ['read ECONNRESET', 'connection reset by peer'],
  ['connect EVERYBODY', 'connect EVERYBODY'],
])('"%s" of a socket', (sentence, plain) => {
  expect(plainReason(sentence)).toBe(plain);
});

it.each(['ERROR: a, b', 'HTTPS: on, off', 'nothing of the system', 'EVE: yes'])(
  'leaves "%s" as it is',
  (text) => {
    expect(plainReason(text)).toBe(text);
  },
);
