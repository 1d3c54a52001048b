import { expect, it } from 'vitest';
import { parseNetworkInstance } from './network-instance-status.ts';

const document = { DisplayName: 'local', BridgeName: 'bn1', BridgeIPAddr: '10.1.0.1', Vifs: null };
const instance = { displayName: 'local', bridgeName: 'bn1', bridgeAddress: '10.1.0.1' };

it.each([
  [{ 'aa:bb': { IPv4Addrs: [{ Address: '10.1.0.5', AssignedBy: 1 }], IPv6Addrs: null } }, ['10.1.0.5']],
  [{ 'aa:bb': { IPv4Addr: '10.1.0.5', IPv6Addrs: null }, cc: { IPv4Addr: '10.1.0.5' } }, ['10.1.0.5']],
  [{ 'aa:bb': { IPv4Addrs: null } }, []],
  [null, []],
])('the assignments %j are read', (IPAssignments, assignedAddresses) => {
  expect(parseNetworkInstance({ ...document, IPAssignments })).toEqual({ ...instance, assignedAddresses });
});

it('is none without a bridge, and none of something else', () => {
  expect(parseNetworkInstance({ DisplayName: 'x' })).toBeNull();
  expect(parseNetworkInstance({ ...document, IPAssignments: 5 })).toBeNull();
  expect(parseNetworkInstance([])).toBeNull();
});
