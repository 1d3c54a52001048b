// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isReadCredential, isWriteToken, parseAuthorization, parseBasic, parseBearer } from './credential.ts';

const TOKEN = 'a-token-of-some-length';
const CREDENTIAL = { user: 'eve', password: 'pass:word 1' };
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the write token', () => {
  it.each([
    `Bearer ${TOKEN}`,
    `bearer   ${TOKEN} `,
    basic(`anybody:${TOKEN}`),
    basic(`:${TOKEN}`),
    `apiKey ${TOKEN}`,
  ])('is found in %j', (header) => expect(isWriteToken(header, TOKEN)).toBe(true));

  it.each([
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `${TOKEN} x`,
    basic(TOKEN),
    basic(`${TOKEN}:`),
    'Basic !!!',
  ])('is not found in %j', (header) => expect(isWriteToken(header, TOKEN)).toBe(false));
});

describe('the read credential', () => {
  it.each([basic('eve:pass:word 1'), 'eve pass:word 1', 'Bearer pass:word 1'])('is found in %j', (header) =>
    expect(isReadCredential(header, CREDENTIAL)).toBe(true),
  );

  it.each([
    basic('adam:pass:word 1'),
    'adam pass:word 1',
    basic('eve:pass'),
    'eve pass',
    'eve  ',
    'pass:word 1',
    'Bearer eve',
  ])('is not found in %j', (header) => expect(isReadCredential(header, CREDENTIAL)).toBe(false));
});

it('reads a header full of spaces as quickly as any other', () => {
  // What Node leaves at the end of a header, and a pattern takes for a space.
  const header = `a ${'\u00a0'.repeat(16_000)}`;
  expect(parseAuthorization(header)).toEqual([]);
  expect(parseAuthorization(`a${header}b`)).toEqual([{ user: 'aa', password: 'b' }]);
});

it.each([
  [basic('alice:pass:word'), { user: 'alice', password: 'pass:word' }, undefined],
  [basic(':'), { user: '', password: '' }, undefined],
  ['BASIC   YTpi ', { user: 'a', password: 'b' }, undefined],
  ['Basic YWI=', undefined, undefined],
  ['Basic', undefined, undefined],
  ['Basic a b', undefined, undefined],
  ['Bearer token', undefined, 'token'],
  ['bearer  token ', undefined, 'token'],
  ['Bearer', undefined, undefined],
  ['alice password', undefined, undefined],
  ['', undefined, undefined],
])('%j is as Basic %j, as Bearer %j', (header, asBasic, asBearer) => {
  expect([parseBasic(header), parseBearer(header)]).toEqual([asBasic, asBearer]);
});
