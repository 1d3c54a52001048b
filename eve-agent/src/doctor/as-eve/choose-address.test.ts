// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { chooseAddress } from './replay.ts';

const bn1 = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const bn2 = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };

test.each([
  ['the first in a subnet', [bn1, bn2], ['192.0.2.1', '10.2.0.5', '10.1.0.5'], '10.2.0.5', 'bn2'],
  ['not the bridge itself', [bn1], ['10.1.0.1', '10.1.0.5'], '10.1.0.5', 'bn1'],
  [
    'where EVE says what it gave out, only such',
    [{ ...bn1, assignedAddresses: ['10.1.0.9'] }],
    ['10.1.0.5', '10.1.0.9'],
    '10.1.0.9',
    'bn1',
  ],
])('takes %s', (_what, bridges, addresses, address, bridge) => {
  expect(chooseAddress(addresses, bridges)).toMatchObject({ address, bridge: { name: bridge } });
});

test('takes none that EVE gave to nobody', () => {
  expect(chooseAddress(['10.1.0.5'], [{ ...bn1, assignedAddresses: [] }])).toBeNull();
});

/** EVE's `NetworkInstanceStatus` decides, whatever addresses the kernel's bridge has. */
test.each([
  ['a switch network instance', [{ ...bn1, assignedAddresses: ['10.1.0.5'], eveAddress: '' }], undefined],
  ['a Local one', [{ ...bn1, assignedAddresses: ['10.1.0.5'], eveAddress: '10.1.0.1' }], 'bn1'],
  [
    'a switch one that has given the address, beside a Local one that has not',
    [
      { ...bn1, assignedAddresses: ['10.1.0.5'], eveAddress: '' },
      { ...bn2, assignedAddresses: [], eveAddress: '10.2.0.1' },
    ],
    undefined,
  ],
  [
    'a switch one without it, beside a Local one that has given it',
    [
      { ...bn1, assignedAddresses: [], eveAddress: '' },
      { ...bn2, assignedAddresses: ['10.1.0.5'], eveAddress: '10.2.0.1' },
    ],
    'bn2',
  ],
])('%s', (_what, bridges, name) => {
  expect(chooseAddress(['10.1.0.5'], bridges)?.bridge.name).toBe(name);
});

test('goes on to the next address behind that of a switch network instance', () => {
  const isSwitch = { ...bn1, assignedAddresses: ['10.1.0.5'], eveAddress: '' };
  const isLocal = { ...bn2, assignedAddresses: ['10.2.0.5'], eveAddress: '10.2.0.1' };
  const found = chooseAddress(['10.1.0.5', '10.2.0.5'], [isSwitch, isLocal]);
  expect(found).toMatchObject({ address: '10.2.0.5', bridge: { name: 'bn2' } });
});
