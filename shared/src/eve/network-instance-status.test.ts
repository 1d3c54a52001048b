// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseNetworkInstance } from './network-instance-status.ts';

const document = { DisplayName: 'local', BridgeName: 'bn1', BridgeIPAddr: '10.1.0.1', Vifs: null };
const instance = { displayName: 'local', bridgeName: 'bn1', bridgeAddress: '10.1.0.1' };

it.each([
  [{ 'aa:bb': { IPv4Addrs: [{ Address: '10.1.0.5', AssignedBy: 1 }], IPv6Addrs: null } }, ['10.1.0.5']],
  [{ 'aa:bb': { IPv4Addr: '10.1.0.5', IPv6Addrs: null }, cc: { IPv4Addr: '10.1.0.5' } }, ['10.1.0.5']],
  [{ 'aa:bb': { IPv4Addrs: null } }, []],
  [null, []],
  [{ 'aa:bb': '10.1.0.5', cc: '' }, ['10.1.0.5']],
  [
    { 'aa:bb': null, cc: { IPv4Addrs: [{ Address: '' }, { Address: null }, 7, { Address: '10.1.0.6' }] } },
    ['10.1.0.6'],
  ],
  [{ 'aa:bb': { IPv4Addr: 7, IPv4Addrs: 'x' } }, []],
  [5, []],
])('the assignments %j are read', (IPAssignments, assignedAddresses) => {
  expect(parseNetworkInstance({ ...document, IPAssignments })).toEqual({ ...instance, assignedAddresses });
});

it('counts though what names it cannot be read', () => {
  const odd = { ...document, DisplayName: null, BridgeIPAddr: null };
  expect(parseNetworkInstance(odd)).toMatchObject({ displayName: '', bridgeName: 'bn1', bridgeAddress: '' });
});

it('is none without a bridge, and none of something else', () => {
  expect(parseNetworkInstance({ DisplayName: 'x' })).toBeNull();
  expect(parseNetworkInstance({ ...document, BridgeName: 5 })).toBeNull();
  expect(parseNetworkInstance([])).toBeNull();
});
