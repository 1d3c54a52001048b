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
