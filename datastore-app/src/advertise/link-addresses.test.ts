// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import { preferredOrder } from './cidr.ts';
import {
  advertisedCidrs,
  createAddressOrder,
  describeTooManyAddresses,
  MAX_ADDRESSES,
  ownAddresses,
  sourceCidrs,
} from './link-addresses.ts';
import type { NetworkLink } from './network-links.ts';

const link = (name: string, ...cidrs: string[]): NetworkLink => ({
  name,
  address: cidrs[0]?.split('/')[0] ?? '',
  cidrs,
  mac: '02:16:3e:00:00:01',
  isLoopback: name === 'lo',
  index: undefined,
});

it.each([
  [['10.1.0.5/24'], ['10.1.0.5/24']],
  [
    ['169.254.3.4/16', '10.1.0.5/24'],
    ['10.1.0.5/24', '169.254.3.4/16'],
  ],
  [
    ['192.168.7.5/24', '10.1.0.5/24', '10.1.0.6/24'],
    ['192.168.7.5/24', '10.1.0.5/24', '10.1.0.6/24'],
  ],
  [['169.254.3.4/16'], ['169.254.3.4/16']],
])('prefers of %j in the order %j', (cidrs, expected) => {
  expect(preferredOrder(cidrs)).toEqual(expected);
});

describe('advertisedCidrs', () => {
  const eth0 = link('eth0', '169.254.3.4/16', '10.1.0.5/24', '10.1.0.6/24', '192.168.7.5/24');
  it.each<[string, NetworkLink[], string[]]>([
    ['alone', [], []],
    ['beside a link of another network', [link('eth1', '10.2.0.5/24')], []],
    ['beside an interface on the same link', [link('eth1', '10.1.0.7/24')], ['10.1.0.7/24']],
    ['beside one with link-local addresses, too', [link('eth1', '169.254.9.9/16')], ['169.254.9.9/16']],
    ['beside a wider network around its own', [link('eth1', '10.1.5.5/16')], []],
    ['beside a narrower network within its own', [link('eth1', '10.1.0.7/28')], []],
    ['beside one that has the same address', [link('eth1', '10.1.0.5/24')], []],
    ['beside loopback', [link('lo', '127.0.0.1/8', '10.1.0.9/24')], []],
  ])('%s', (_what, others, more) => {
    const own = ['10.1.0.5/24', '10.1.0.6/24', '192.168.7.5/24', '169.254.3.4/16'];
    expect(advertisedCidrs(eth0, [eth0, ...others])).toEqual([...own, ...more]);
  });

  test('two interfaces on one link say the same, each its own first', () => {
    const links = [link('eth0', '10.1.0.5/24'), link('eth1', '10.1.0.6/24')] as const;
    expect(links.map((each) => advertisedCidrs(each, links))).toEqual([
      ['10.1.0.5/24', '10.1.0.6/24'],
      ['10.1.0.6/24', '10.1.0.5/24'],
    ]);
  });

  test('never more than fit a datagram', () => {
    const many = link('eth0', ...Array.from({ length: 200 }, (_, n) => `10.1.0.${n + 1}/24`));
    expect(advertisedCidrs(many, [many])).toHaveLength(MAX_ADDRESSES);
    const last = link('eth0', ...many.cidrs, '192.168.7.5/24');
    expect(ownAddresses(last)).toContain('192.168.7.5');
    expect(describeTooManyAddresses(last)).toBe(
      'eth0 has 201 IPv4 addresses: only 32 of them are advertised',
    );
    expect(describeTooManyAddresses(link('eth0', '10.1.0.5/24'))).toBeUndefined();
  });
});

describe('createAddressOrder', () => {
  const cidrs = [
    '192.168.7.5/24',
    '10.0.0.5/8',
    '10.1.0.5/24',
    '10.1.0.6/24',
    '172.16.0.9/32',
    '169.254.3.4/16',
  ];
  const all = cidrs.map((cidr) => cidr.split('/')[0]);
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['192.168.7.1', []],
    ['10.9.9.9', ['10.0.0.5']],
    ['10.1.0.1', ['10.1.0.5', '10.1.0.6', '10.0.0.5']],
    ['169.254.200.1', ['169.254.3.4']],
    ['172.16.0.1', []],
    ['8.8.8.8', []],
    ['nonsense', []],
  ])('tells %s first of %j, and hides none', (asker, first) => {
    const rest = all.filter((address) => !first.includes(address as string));
    expect(createAddressOrder(cidrs)(asker)).toEqual([...first, ...rest]);
  });
});

it.each<[string, string, string[], string[]]>([
  ['one address', 'eth0', ['10.1.0.5/24'], ['10.1.0.5/24']],
  ['several of one subnet', 'eth0', ['10.1.0.5/24', '10.1.0.6/24'], ['10.1.0.5/24']],
  ['two subnets', 'eth0', ['192.168.7.5/24', '10.1.0.5/24'], ['192.168.7.5/24', '10.1.0.5/24']],
  [
    'link-local beside a routable one',
    'eth0',
    ['169.254.3.4/16', '10.1.0.5/24'],
    ['10.1.0.5/24', '169.254.3.4/16'],
  ],
  ['an address of its own within the subnet', 'eth0', ['10.1.0.9/32', '10.1.0.5/24'], ['10.1.0.5/24']],
  ['point to point', 'eth0', ['10.9.0.2/32'], ['10.9.0.2/32']],
  ['a subnet within another', 'eth0', ['10.1.0.5/24', '10.0.0.5/8'], ['10.1.0.5/24', '10.0.0.5/8']],
  ['loopback', 'lo', ['127.0.0.1/8', '10.99.0.1/32'], ['127.0.0.1/8']],
])('sends from one address in every network: %s', (_what, name, cidrs, sources) => {
  expect(sourceCidrs(link(name, ...cidrs))).toEqual(sources);
});

test('sends from no more addresses than bounded', () => {
  const many = Array.from({ length: 100 }, (_, n) => `10.${n}.0.5/24`);
  expect(sourceCidrs(link('eth0', ...many))).toHaveLength(8);
});
