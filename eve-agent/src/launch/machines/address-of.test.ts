// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { addressByMac } from './address-of.ts';

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
10.1.0.60        0x1         0x2         02:ea:4c:aa:dc:da     *        bn1
10.1.0.61        0x1         0x0         02:00:00:00:00:01     *        bn1
10.2.0.60        0x1         0x2         02:ea:4c:aa:dc:db     *        bn2
`;

it.each([
  ['02:EA:4C:AA:DC:DA', 'bn1', '10.1.0.60'],
  ['02:00:00:00:00:01', 'bn1', ''],
  ['02:ea:4c:aa:dc:db', 'bn1', ''],
  ['02:ea:4c:aa:dc:db', 'bn2', '10.2.0.60'],
  ['02:ff:ff:ff:ff:ff', 'bn1', ''],
])('the neighbour %s on %s is at "%s"', (mac, device, address) => {
  expect(addressByMac(TABLE, mac, device)).toBe(address);
  expect(addressByMac('', mac, device)).toBe('');
});
