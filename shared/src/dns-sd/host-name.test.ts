// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { ConfigurationError } from '../errors.ts';
import { isHostName, isLocalHost, isSameHost, parseHostLabel } from './host-name.ts';

it.each([
  ['ds.local', 'ds.local', true],
  ['DS.Local.', 'ds.lOCAL', true],
  ['ds.local', 'my-ds.local', false],
  ['ds.local', 'ds.local.example', false],
  ['ds.local', 'ds', false],
  // Only ASCII is folded: the Kelvin sign is no k.
  ['\u212a.local', 'k.local', false],
])('isSameHost: %s and %s are the same: %s', (left, right, expected) => {
  expect(isSameHost(left, right)).toBe(expected);
  expect(isSameHost(right, left)).toBe(expected);
});

it.each([
  ['ds.local', true],
  ['a.ds.LOCAL.', true],
  ['local', false],
  ['ds.local.example', false],
  ['dslocal', false],
])('isLocalHost: %s is resolved by multicast: %s', (name, expected) => {
  expect(isLocalHost(name)).toBe(expected);
});

it.each([
  ['ds', 'ds'],
  [' Edge-1.local ', 'Edge-1'],
  ['ds.LOCAL.', 'ds'],
  ['a'.repeat(63), 'a'.repeat(63)],
])('parseHostLabel reads %j', (input, label) => {
  expect(parseHostLabel(input)).toBe(label);
});

it.each(['', '.local', 'a.b', '-ds', 'ds-', 'd s', 'd_s', 'dß', 'a'.repeat(64)])(
  'parseHostLabel refuses %j and names it',
  (input) => {
    expect(() => parseHostLabel(input)).toThrow(ConfigurationError);
    expect(() => parseHostLabel(input)).toThrow(`"${input}"`);
  },
);

it.each([
  ['ds.local', true],
  ['ds.local.', true],
  ['', false],
  ['ds..local', false],
  [`${'a'.repeat(64)}.local`, false],
  [Array(64).fill('abcd').join('.'), false],
])('isHostName: %j may stand in a question: %s', (name, expected) => {
  expect(isHostName(name)).toBe(expected);
});
