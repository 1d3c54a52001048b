// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  type ClientIdentity,
  distinguishedNameText,
  isSameName,
  parseAlternativeName,
  parseDistinguishedName,
} from './client-names.ts';
import { clientRuleSchema, isPermitted, matchesPattern } from './client-rules.ts';

const SHA256 = 'ab'.repeat(32);
const client = (subject: string, ...names: readonly string[]): ClientIdentity => ({
  subject: parseDistinguishedName(subject),
  alternativeNames: names.map(parseAlternativeName),
  sha256: SHA256,
});

describe('parseDistinguishedName', () => {
  it.each([
    ['CN=ci', [['CN', 'ci']]],
    ['cn = ci', [['CN', 'ci']]],
    [
      'CN=ci,O=Acme',
      [
        ['CN', 'ci'],
        ['O', 'Acme'],
      ],
    ],
    [
      'O = Acme, CN = ci',
      [
        ['O', 'Acme'],
        ['CN', 'ci'],
      ],
    ],
    ['2.5.4.3=ci', [['CN', 'ci']]],
    ['1.2.3.4=x', [['1.2.3.4', 'x']]],
    [
      'CN=a+UID=b',
      [
        ['CN', 'a'],
        ['UID', 'b'],
      ],
    ],
    ['CN=a\\,O=b', [['CN', 'a,O=b']]],
    ['CN=a\\2CO=b', [['CN', 'a,O=b']]],
    ['CN=J\\C3\\BCrgen', [['CN', 'Jürgen']]],
    ['CN=Jürgen 🙂', [['CN', 'Jürgen 🙂']]],
    [
      'CN= a b  ,O=c',
      [
        ['CN', 'a b'],
        ['O', 'c'],
      ],
    ],
    ['CN=a\\ ', [['CN', 'a ']]],
    ['CN=a=b', [['CN', 'a=b']]],
  ])('%s', (text, expected) => {
    const read = parseDistinguishedName(text);
    expect(read.map(({ type, value }) => [type, value])).toEqual(expected);
    // What is written leads to the same again.
    expect(parseDistinguishedName(distinguishedNameText(read))).toEqual(read);
  });

  it.each(['', 'ci', 'CN=', 'CN=a,', 'CN=a,b', 'CN=a\\', '=a', '/CN=ci', 'C N=a'])('%j is none', (text) => {
    expect(() => parseDistinguishedName(text)).toThrow(RangeError);
  });
});

describe('isSameName', () => {
  it.each([
    ['CN=ci,O=Acme', 'O=Acme,CN=ci', true],
    ['CN=ci', 'CN=ci,O=Acme', false],
    ['CN=ci,O=Acme', 'CN=ci', false],
    ['CN=ci', 'CN=CI', false],
    ['CN=ci', 'O=ci', false],
    // As text each begins like the other.
    ['CN=ci\\,O=Acme', 'CN=ci,O=Acme', false],
    ['CN=a,CN=b', 'CN=b,CN=a', true],
    ['CN=a,CN=a', 'CN=a,CN=b', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(isSameName(parseDistinguishedName(one), parseDistinguishedName(other))).toBe(expected);
  });
});

it.each([
  ['web', 'web', true],
  ['web', 'web2', false],
  ['web*', 'web', true],
  ['web*', 'web-2', true],
  ['web*', 'my-web', false],
  ['*', 'anything', true],
  ['*-eu', 'web-eu', true],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['ab*ba', 'aba', false],
  ['a*a*a', 'aa', false],
  ['w.b', 'web', false],
])('the pattern %s covers %s: %s', (pattern, name, expected) => {
  expect(matchesPattern(pattern, name)).toBe(expected);
});

it('a pattern of many stars takes no long time', () => {
  expect(matchesPattern('a*'.repeat(60), 'a'.repeat(128))).toBe(true);
  expect(matchesPattern(`${'a*'.repeat(60)}b`, 'a'.repeat(128))).toBe(false);
});

const rule = (entry: object) => clientRuleSchema.parse(entry);

describe('isPermitted', () => {
  it.each([
    ['without rules, whatever it is', null, 'delete', 'web', true],
    ['with an empty list, nothing', [], 'list', 'web', false],
    ['by its subject', [{ subject: 'CN=ci' }], 'delete', 'web', true],
    ['by an alternative name', [{ san: 'DNS:CI.example' }], 'load', 'web', true],
    ['by an alternative name of another kind', [{ san: 'email:ci.example' }], 'load', 'web', false],
    ['by its digest', [{ sha256: SHA256 }], 'load', 'web', true],
    [
      'by its digest with colons',
      [{ sha256: SHA256.toUpperCase().replace(/..(?=.)/g, '$&:') }],
      'load',
      'web',
      true,
    ],
    ['by all that is said', [{ subject: 'CN=ci', sha256: SHA256 }], 'load', 'web', true],
    ['not by a part of what is said', [{ subject: 'CN=ci', sha256: 'cd'.repeat(32) }], 'load', 'web', false],
    ['another one', [{ subject: 'CN=other' }], 'load', 'web', false],
    ['these operations', [{ subject: 'CN=ci', operations: ['load'] }], 'load', 'web', true],
    ['no others', [{ subject: 'CN=ci', operations: ['load'] }], 'delete', 'web', false],
    ['these deployments', [{ subject: 'CN=ci', deployments: ['web*'] }], 'load', 'web-2', true],
    ['no others of them', [{ subject: 'CN=ci', deployments: ['web*'] }], 'load', 'db', false],
    [
      'operations of one rule not with deployments of another',
      [
        { subject: 'CN=ci', deployments: ['web'], operations: ['load'] },
        { subject: 'CN=ci', deployments: ['db'], operations: ['stop'] },
      ],
      'stop',
      'web',
      false,
    ],
    ['with any', [{ subject: 'CN=ci', deployments: ['web'], operations: ['list'] }], 'list', null, true],
    ['with none', [{ subject: 'CN=ci', operations: ['load'] }], 'list', null, false],
  ] as const)('%s', (_title, entries, operation, deployment, expected) => {
    const rules = entries?.map(rule) ?? null;
    expect(isPermitted(rules, client('CN=ci', 'DNS:ci.example'), operation, deployment)).toBe(expected);
  });
});

it.each([
  [{}, /names nobody/],
  [{ deployments: ['web'] }, /names nobody/],
  [{ subject: 'ci' }, /no name such as/],
  [{ sha256: 'ab' }, /64 hexadecimal digits/],
  [{ subject: 'CN=ci', operations: ['reload'] }, /the operations are list/],
  [{ subject: 'CN=ci', deployments: ['we b'] }, /no name of deployments/],
  [{ subject: 'CN=ci', operation: ['load'] }, /operation/],
])('%j is no rule', (entry, why) => {
  expect(() => rule(entry)).toThrow(why);
});
