// SPDX-License-Identifier: Apache-2.0
import { BlockList, isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAddressTest, createSubnetTest, ipVersion, parseIpv4 } from './ip-address.ts';

const TEXTS = [
  ...['0.0.0.0', '10.1.0.5', '255.255.255.255', '127.0.0.1', '169.254.1.2', '224.0.0.251'],
  ...[
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1..2.3',
    '0x1.2.3.4',
  ],
  ...[
    '::',
    '::1',
    '1::',
    'fe80::1',
    'FE80::ABCD',
    'fe80::1%eth0',
    'fe80::1%',
    'ff02::fb',
    '2001:db8::1:0:0:1',
  ],
  ...[
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '1::8::9',
  ],
  ...[
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::10.1.0.5',
    '1:2:3:4:5:6:7.8.9.10',
    '1:2:3:4:5:6:7:8.9.1.2',
  ],
  ...[
    '127.0.0.1::',
    '1.2.3.4::1',
    ':::',
    ':',
    '1:',
    ':1',
    '12345::',
    'g::',
    '::ffff:256.0.0.1',
    '[::1]',
    '::1/64',
  ],
  ...['', 'ds.local', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '2002:7f00::1', 'fd00:ec2::254', '::1.2.3.4'],
];

it.each(TEXTS)('says of "%s" what Node says', (text) => {
  expect(ipVersion(text)).toBe(isIP(text));
});

it.each([
  ['127.0.0.0/8', '224.0.0.0/3', '10.1.0.77/25'],
  ['0.0.0.0/0'],
  ['::/127', 'fe80::/10', '64:ff9b::7f00:0/104', '2002:7f00::/24'],
  ['2000::/3'],
  ['169.254.0.0/16', 'ff00::/8', 'fd00:ec2::254/128'],
])('finds the same addresses in %s as Node', (...cidrs) => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  const isInside = createAddressTest(cidrs);
  for (const text of TEXTS.filter((each) => isIP(each) !== 0 && !each.includes('%'))) {
    expect([text, isInside(text)]).toEqual([text, list.check(text, isIP(text) === 4 ? 'ipv4' : 'ipv6')]);
  }
});

it.each(['', '10.1.0.0', '10.1.0.0/33', '10.1.0.0/x', 'x/8', '10.1.0.0/-1'])(
  'takes "%s" for no subnet',
  (cidr) => {
    expect(() => createSubnetTest(cidr)).toThrow(RangeError);
  },
);

it.each(['fe80::', 'fe80::/129', 'x::/8'])('takes "%s" for no subnet of either version', (cidr) => {
  expect(() => createAddressTest([cidr])).toThrow(RangeError);
});

describe('a subnet of IPv4', () => {
  it('holds exactly the addresses of the subnet, whatever the host bits say', () => {
    const isInside = createSubnetTest('10.1.0.77/25');
    expect(['10.1.0.0', '10.1.0.127'].map(isInside)).toEqual([true, true]);
    expect(['10.1.0.128', '10.0.255.255', '10.1.1.5'].map(isInside)).toEqual([false, false, false]);
  });

  it('takes what is no IPv4 address for outside', () => {
    const isInside = createSubnetTest('0.0.0.0/0');
    expect(['', 'ds.local', '::1', '10.1.0.256'].map(isInside)).toEqual([false, false, false, false]);
  });

  it.each([
    ['255.255.255.255/32', '255.255.255.255', '255.255.255.254'],
    ['10.1.0.4/31', '10.1.0.5', '10.1.0.6'],
    ['192.168.0.0/16', '192.168.255.255', '192.169.0.0'],
    ['128.0.0.0/1', '255.0.0.1', '127.255.255.255'],
  ])('%s holds %s, and not %s', (cidr, inside, outside) => {
    expect([inside, outside].map(createSubnetTest(cidr))).toEqual([true, false]);
  });
});

it('reads dotted decimal as a number', () => {
  expect(['0.0.0.0', '10.1.0.5', '255.255.255.255', '10.1.0'].map(parseIpv4)).toEqual([
    ...[0, 0x0a010005, 0xffffffff],
    null,
  ]);
});
