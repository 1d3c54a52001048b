// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseGrants } from './grants-document.ts';
import { type BookSources, createPrincipalBook } from './principal-book.ts';
import { subjectOf } from './registry-principal.ts';
import type { TokenRecord } from './registry-records.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const kept = (letter: string) => `sha256$${letter.repeat(43)}`;
const token: TokenRecord = {
  ...{ secret: kept('t'), operation: 'push', repository: 'lab/app' },
  ...{ created: '2026-01-01T00:00:00.000Z', ends: '2026-01-01T00:10:00.000Z' },
};
const SOURCES: BookSources = {
  ...{
    writeToken: 'the-write-token-of-it',
    adminCertificates: [],
    readCredential: undefined,
    grants: undefined,
  },
  users: new Map([['alice', { password: kept('a'), groups: ['lab'] }]]),
  devices: new Map([
    ['d1', { key: kept('d'), certificate: 'ab'.repeat(32) }],
    ['d2', { key: undefined, certificate: 'cd'.repeat(32) }],
  ]),
  tokens: new Map([['temp-1', token]]),
  assigned: [],
};
let nowMs = START;
const bookOf = (sources: Partial<BookSources> = {}) =>
  createPrincipalBook({ ...SOURCES, ...sources }, () => nowMs);
const names = (book: ReturnType<typeof bookOf>, name: string) =>
  book.loginsOf(name).map(({ principal }) => subjectOf(principal));

it.each([
  ['alice', ['user:alice']],
  ['Alice', []],
  ['d1', ['device:d1']],
  ['D1', ['device:d1']],
  ['d2', []],
  ['temp-1', ['temp:temp-1']],
  ['admin', []],
  ['', []],
  ['constructor', []],
])('%s logs in as %j', (name, subjects) => expect(names(bookOf(), name)).toEqual(subjects));

it.each([
  ['user:alice', [kept('a')]],
  ['device:d1', [kept('d'), 'ab'.repeat(32)]],
  ['device:d2', ['cd'.repeat(32)]],
  ['temp:temp-1', [kept('t')]],
  ['admin', ['the-write-token-of-it']],
  ['anonymous', ['']],
  ['reader', undefined],
  ['user:bob', undefined],
  ['device:alice', undefined],
  ['rubbish', undefined],
  ['', undefined],
])('the token of %s may be of %j', (subject, credentials) => {
  expect(bookOf().find(subject)?.credentials).toEqual(credentials);
});

it('knows certificates', () => {
  const book = bookOf({ adminCertificates: ['ef'.repeat(32)] });
  const subjects = ['ab', 'cd', 'ef', '00'].map(
    (byte) => book.byCertificate(byte.repeat(32))?.principal.kind,
  );
  expect(subjects).toEqual(['device', 'device', 'admin', undefined]);
  expect([book.hasCertificates, bookOf({ devices: new Map() }).hasCertificates]).toEqual([true, false]);
  expect(book.find('admin')?.credentials).toHaveLength(2);
});

it('a temporary token ends', () => {
  const book = bookOf();
  nowMs = START + 599_999;
  expect(names(book, 'temp-1')).toHaveLength(1);
  nowMs = START + 600_000;
  expect([names(book, 'temp-1'), book.find('temp:temp-1')]).toEqual([[], undefined]);
  nowMs = START;
});

it('the file of grants counts before what commands made', () => {
  const grants = parseGrants(
    { version: 1, users: { alice: { password: kept('b') } }, devices: { d1: { key: kept('e') } } },
    '/grants.yaml',
  );
  const book = bookOf({ grants });
  expect(book.find('user:alice')).toEqual({
    principal: { kind: 'user', name: 'alice', groups: [] },
    credentials: [kept('b')],
  });
  expect(book.find('device:d1')?.credentials).toEqual([kept('e')]);
  expect(book.byCertificate('ab'.repeat(32))).toBeUndefined();
});

it.each([
  ['nothing said', {}, true],
  ['a read credential', { readCredential: { user: 'eve', password: 'password' } }, false],
  ['grants, and be it none', { grants: parseGrants({ version: 1 }, '/grants.yaml') }, false],
])('with %s, everybody may pull: %s', (_, sources, isOpen) => {
  expect(bookOf(sources).rules.isPullOpen).toBe(isOpen);
});
