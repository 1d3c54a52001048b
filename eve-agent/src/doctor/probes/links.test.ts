// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { parseArpTable, parseLinks } from './links.ts';

test('links: bridges, up or down, with or without a carrier', () => {
  const json = JSON.stringify([
    { ifname: 'lo', flags: ['LOOPBACK', 'UP', 'LOWER_UP'], addr_info: [{ family: 'inet6', local: '::1' }] },
    {
      ifname: 'bn1',
      flags: ['BROADCAST', 'UP', 'LOWER_UP'],
      linkinfo: { info_kind: 'bridge' },
      addr_info: [{ family: 'inet', local: '10.1.0.1', prefixlen: 24 }],
    },
    {},
    { ifname: 'bn2', flags: ['NO-CARRIER', 'UP'], linkinfo: { info_kind: 'bridge' } },
  ]);
  expect(parseLinks(json)).toEqual([
    { name: 'lo', isBridge: false, isUp: true, hasCarrier: true, ipv4: [] },
    { name: 'bn1', isBridge: true, isUp: true, hasCarrier: true, ipv4: ['10.1.0.1/24'] },
    { name: 'bn2', isBridge: true, isUp: true, hasCarrier: false, ipv4: [] },
  ]);
  expect(() => parseLinks('[{"ifname":1}]')).toThrow();
});

test('neighbours: only those that have told their link address', () => {
  const table = [
    'IP address       HW type     Flags       HW address            Mask     Device',
    '10.1.0.5         0x1         0x2         02:00:00:00:00:05     *        bn1',
    '10.1.0.6         0x1         0x0         00:00:00:00:00:00     *        bn1',
    '',
  ].join('\n');
  expect(parseArpTable(table)).toEqual([{ address: '10.1.0.5', interfaceName: 'bn1' }]);
});
