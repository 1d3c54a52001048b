// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { lastAddresses, overlaps, subnetOf, upperHalfOf } from './bridge-subnet.ts';

it.each([
  ['10.1.0.1/24', '10.1.0.0/24'],
  ['10.1.7.9/16', '10.1.0.0/16'],
  ['192.168.1.130/25', '192.168.1.128/25'],
  ['255.255.255.255/32', '255.255.255.255/32'],
  ['1.2.3.4/0', '0.0.0.0/0'],
])('%s is of %s', (cidr, subnet) => expect(subnetOf(cidr)).toBe(subnet));

it.each(['', '10.1.0.1', '10.1.0.1/33', '10.1.0/24', 'fd00::1/64', '10.1.0.1/x'])(
  '%j is no subnet',
  (text) => {
    expect(() => subnetOf(text)).toThrow(RangeError);
  },
);

it.each([
  ['10.1.0.1/24', '10.1.0.0/16', true],
  ['10.1.0.0/16', '10.1.200.1/24', true],
  ['10.1.0.1/24', '10.1.1.1/24', false],
  ['0.0.0.0/0', '255.255.255.255/32', true],
  ['fd00::/64', '0.0.0.0/0', false],
])('%s and %s overlap: %s', (one, other, expected) => {
  expect([overlaps(one, other), overlaps(other, one)]).toEqual([expected, expected]);
});

it.each([
  ['10.1.0.1/24', '10.1.0.128/25'],
  ['10.1.0.1/16', '10.1.128.0/17'],
  ['192.168.1.1/29', '192.168.1.4/30'],
  ['192.168.1.1/30', null],
  ['x', null],
])('addresses of %s are given out of %s', (cidr, half) => expect(upperHalfOf(cidr)).toBe(half));

it('addresses are taken from the end, without those of the bridge, of others, and of all', () => {
  expect([...lastAddresses('10.1.0.5/29', new Set(['10.1.0.3']))]).toEqual([
    ...['10.1.0.6', '10.1.0.4', '10.1.0.2', '10.1.0.1'],
  ]);
  expect([...lastAddresses('10.1.0.5/32', new Set())]).toEqual([]);
  expect(lastAddresses('10.0.0.1/8', new Set()).next().value).toBe('10.255.255.254');
});
