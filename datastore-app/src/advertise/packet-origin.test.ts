// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { NetworkLink } from './network-links.ts';
import { attributePacket } from './packet-origin.ts';

const link = (name: string, ...cidrs: string[]): NetworkLink => ({
  name,
  address: cidrs[0]?.split('/')[0] ?? '',
  cidrs,
  mac: '02:16:3e:00:00:01',
  isLoopback: name === 'lo',
  index: undefined,
});
const lo = link('lo', '127.0.0.1/8');
const eth0 = link('eth0', '10.1.0.5/24', '192.168.7.5/24');
const eth1 = link('eth1', '10.2.0.5/24');
const sameSubnet = link('eth2', '10.1.0.6/24');
const links = [lo, eth0, eth1, sameSubnet];

describe('attributePacket', () => {
  test.each([
    ['10.1.0.1', 'this-link'],
    ['192.168.7.1', 'this-link'],
    ['10.1.0.5', 'ourselves'],
    ['192.168.7.5', 'ourselves'],
    ['10.1.0.6', 'ourselves'],
    ['10.2.0.1', 'other-link'],
    ['10.2.0.5', 'other-link'],
    ['127.0.0.1', 'other-link'],
    ['172.16.0.1', 'this-link'],
    ['10.1.0.50', 'this-link'],
  ])('%s is on %s', (source, origin) => {
    expect(attributePacket(source, eth0, links)).toBe(origin);
  });

  test('a prefix of 32 bits does not shut the neighbours out', () => {
    const narrow = link('eth0', '10.1.0.5/32');
    expect(attributePacket('10.1.0.1', narrow, [lo, narrow])).toBe('this-link');
  });
});
