// SPDX-License-Identifier: Apache-2.0
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, it } from 'vitest';
import { listOwnAddresses } from './own-addresses.ts';

const info = (address: string) =>
  ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;

it('lists every address once, IPv4 first, in an order of its own', () => {
  const eth0 = [info('10.1.0.5'), info('fd00::5'), info('10.1.0.4')];
  const expected = ['10.1.0.4', '10.1.0.5', '127.0.0.1', '::1', 'fd00::5'];
  expect(listOwnAddresses({ eth0, lo: [info('127.0.0.1'), info('::1')] })).toEqual(expected);
  expect(listOwnAddresses({ lo: [info('::1'), info('127.0.0.1')], eth0, eth1: eth0 })).toEqual(expected);
});

it('knows the loopback address of this machine', () => {
  expect(listOwnAddresses()).toContain('127.0.0.1');
});

it('stays within what a certificate should hold', () => {
  const many = Array.from({ length: 700 }, (_, i) => info(`10.1.${i >> 8}.${i & 255}`));
  expect(listOwnAddresses({ eth0: many })).toHaveLength(500);
});
