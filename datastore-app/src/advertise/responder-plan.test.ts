// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { AdvertisedLink } from './link-addresses.ts';
import { planResponders, selectInterfaces } from './responder-plan.ts';

const link = (name: string, address: string, more: Partial<AdvertisedLink> = {}): AdvertisedLink => ({
  name,
  address,
  cidrs: [`${address}/24`],
  advertisedCidrs: [`${address}/24`],
  mac: '02:16:3e:00:00:01',
  isLoopback: false,
  index: 2,
  ...more,
});
const lo = link('lo', '127.0.0.1', { isLoopback: true, index: 1 });
const eth0 = link('eth0', '10.1.0.5');
const eth1 = link('eth1', '10.2.0.5', { index: 3 });

describe('selectInterfaces', () => {
  test('takes all but loopback when none is named', () => {
    expect(selectInterfaces([lo, eth0, eth1], [])).toEqual({ selected: [eth0, eth1], missing: [] });
  });

  test('takes the named ones and says which are missing', () => {
    expect(selectInterfaces([lo, eth0, eth1], ['eth1', 'eth7'])).toEqual({
      selected: [eth1],
      missing: ['eth7'],
    });
  });

  test('leaves the excluded ones out, also when they are named', () => {
    expect(selectInterfaces([lo, eth0, eth1], [], ['eth1']).selected).toEqual([eth0]);
    expect(selectInterfaces([lo, eth0], ['eth0', 'eth7'], ['eth0', 'eth7'])).toEqual({
      selected: [],
      missing: [],
    });
  });

  test('takes loopback when it is named', () => {
    expect(selectInterfaces([lo, eth0], ['lo']).selected).toEqual([lo]);
  });
});

describe('planResponders', () => {
  test('starts, keeps and stops', () => {
    expect(planResponders([], [eth0])).toEqual({ stop: [], start: [eth0], keep: [] });
    expect(planResponders([eth0], [{ ...eth0 }, eth1])).toEqual({ stop: [], start: [eth1], keep: ['eth0'] });
    expect(planResponders([eth0, eth1], [eth1])).toEqual({ stop: ['eth0'], start: [], keep: ['eth1'] });
  });

  test.each([
    ['another address', link('eth0', '10.1.0.9')],
    ['another prefix length', { ...eth0, cidrs: ['10.1.0.5/16'] }],
    ['a second address', { ...eth0, cidrs: [...eth0.cidrs, '10.9.0.5/24'] }],
    [
      'an address on another interface of its link',
      { ...eth0, advertisedCidrs: ['10.1.0.5/24', '10.1.0.6/24'] },
    ],
    ['another MAC', { ...eth0, mac: '02:16:3e:00:00:02' }],
    ['another kernel number', { ...eth0, index: 9 }],
  ])('rebuilds an interface with %s', (_what, changed) => {
    expect(planResponders([eth0], [changed])).toEqual({ stop: ['eth0'], start: [changed], keep: [] });
  });
});
