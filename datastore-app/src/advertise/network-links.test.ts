// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { listNetworkLinks, parseInterfaceIndexes } from './network-links.ts';

test('reads interface numbers', () => {
  const igmp = [
    'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter',
    '1\tlo        :     1      V3',
    '\t\t\t\t010000E0     1 0:00000000\t\t0',
    '12\tveth-long-name1:     2      V3',
    '\t\t\t\tFB0000E0     1 0:00000000\t\t0',
    '',
  ].join('\n');
  expect(parseInterfaceIndexes(igmp)).toEqual(
    new Map([
      ['lo', 1],
      ['veth-long-name1', 12],
    ]),
  );
});

test('passes over what has another form', () => {
  expect(parseInterfaceIndexes('nothing\n of: that\n')).toEqual(new Map());
});

test('lists loopback with its first address', () => {
  const loopback = listNetworkLinks().find(({ isLoopback }) => isLoopback);
  expect(loopback?.address).toBe('127.0.0.1');
  expect(loopback?.cidrs[0]).toBe('127.0.0.1/8');
});

test('calls an interface by its first address that is not link-local, and keeps all', () => {
  const addresses = ['169.254.3.4/16', '192.168.7.5/24', '10.1.0.5/24'].map((cidr) => ({
    interfaceName: 'eth0',
    address: cidr.split('/')[0] ?? '',
    cidr,
    mac: '02:16:3e:00:00:05',
    isLoopback: false,
  }));
  expect(listNetworkLinks(addresses)).toMatchObject([
    { name: 'eth0', address: '192.168.7.5', cidrs: addresses.map(({ cidr }) => cidr) },
  ]);
});
