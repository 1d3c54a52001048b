// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { clientAddress, clientNetwork } from './client-address.ts';

it.each([
  ['10.1.0.5', '10.1.0.5'],
  ['::ffff:10.1.0.5', '10.1.0.5'],
  ['fe80::1', 'fe80::1'],
  [undefined, 'unknown'],
])('a connection from %s comes from %s', (remoteAddress, address) => {
  expect(clientAddress({ remoteAddress })).toBe(address);
});

it.each([
  ['10.1.0.5', '10.1.0.5'],
  ['unknown', 'unknown'],
  ['fd00:0:0:1::2', 'fd00:0:0:1::/64'],
  ['fd00:0:0:1:aaaa:bbbb:cccc:dddd', 'fd00:0:0:1::/64'],
  ['fd00:0:0:1:0:0:0:0', 'fd00:0:0:1::/64'],
  ['fd00::1:0:0:0:2', 'fd00:0:0:1::/64'],
  ['FD00:0000:0000:0001::2', 'fd00:0:0:1::/64'],
  ['fe80::1', 'fe80:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['64:ff9b::10.1.0.5', '64:ff9b:0:0::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
])('%s counts as %s', (address, network) => {
  expect(clientNetwork(address)).toBe(network);
});
