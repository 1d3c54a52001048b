// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { judgeLease } from './judge-lease.ts';

const SURROUNDINGS = { otherSubnets: ['10.1.0.1/24', '192.168.7.2/32'], maxMtu: 1500 };
const judge = (keys: Record<string, string>) =>
  judgeLease(new Map(Object.entries({ ip: '10.0.0.5/24', lease: '3600', ...keys })), SURROUNDINGS);
const accepted = (keys: Record<string, string>) => {
  const verdict = judge(keys);
  if (verdict.kind !== 'accepted') throw new Error(verdict.reason);
  return verdict;
};

describe('a lease', () => {
  it('is taken as a whole', () => {
    expect(
      accepted({
        gateway: '10.0.0.1',
        mtu: '1400',
        domain: 'lan.test',
        search: 'lan.test _tcp.lan.test',
        server: '10.0.0.1',
        'route/001': '10.2.0.0/16 10.0.0.2',
        'route/003': '10.3.0.0/16 0.0.0.0',
        'nameserver/001': '10.0.0.3',
        'nameserver/002': '192.0.2.1',
        unknown: 'ignored',
      }),
    ).toEqual({
      kind: 'accepted',
      lease: {
        address: '10.0.0.5',
        prefixLength: 24,
        gateway: '10.0.0.1',
        routes: [
          { destination: '10.2.0.0/16', gateway: '10.0.0.2' },
          { destination: '10.3.0.0/16', gateway: null },
        ],
        mtu: 1400,
        domain: 'lan.test',
        search: ['lan.test', '_tcp.lan.test'],
        nameServers: ['10.0.0.3', '192.0.2.1'],
        leaseSeconds: 3600,
        server: '10.0.0.1',
      },
      leftOut: [],
    });
  });

  it.each([
    ['no prefix', '10.0.0.5'],
    ['no address', ''],
    ['a prefix of 0', '10.0.0.5/0'],
    ['a prefix of 33', '10.0.0.5/33'],
    ['a prefix with a zero before it', '10.0.0.5/08'],
    ['a space', '10.0.0.5/24 '],
    ['a line break', '10.0.0.5/24\n'],
    ['a leading zero', '010.0.0.5/24'],
    ['IPv6', 'fe80::1/64'],
    ['this network', '0.0.0.5/8'],
    ['loopback', '127.0.0.2/8'],
    ['link-local', '169.254.3.4/16'],
    ['multicast', '224.0.0.251/24'],
    ['reserved', '240.0.0.1/24'],
    ['everybody', '255.255.255.255/32'],
    ['the subnet itself', '10.0.0.0/24'],
    ['all of the subnet', '10.0.0.255/24'],
    ['half of the world', '128.0.0.0/1'],
    ['an address of another interface', '10.1.0.1/24'],
    ['one in the subnet of another interface', '10.1.0.77/24'],
    ['the same with a wider subnet', '10.1.0.77/8'],
    ['the only address of another interface', '192.168.7.2/24'],
  ])('is refused with %s', (_title, ip) => {
    expect(judge({ ip }).kind).toBe('refused');
  });

  it.each([
    ['the last before multicast', '223.255.255.1/24'],
    ['two hosts', '10.0.0.0/31'],
    ['one host', '10.0.0.255/32'],
    ['a subnet around that of another interface', '10.9.0.5/8'],
    ['the widest', '64.0.0.1/1'],
  ])('is taken with %s', (_title, ip) => {
    expect(judge({ ip }).kind).toBe('accepted');
  });

  it.each(['', '0', '-1', '1.5', '1e3', '01', ' 60', '4294967295', '99999999999', 'forever'])(
    'is refused with a time of "%s"',
    (lease) => {
      expect(judge({ lease })).toMatchObject({
        kind: 'refused',
        reason: 'it does not say how long it holds',
      });
    },
  );

  it.each([
    ['1', 1],
    ['4294967294', 4294967294],
    ['infinite', null],
  ])('holds: %s', (lease, leaseSeconds) => {
    expect(accepted({ lease }).lease.leaseSeconds).toBe(leaseSeconds);
  });

  it.each([
    ['gateway', '127.0.0.1'],
    ['gateway', '10.0.0.5'],
    ['gateway', '10.1.0.9'],
    ['gateway', '10.0.0.1 '],
    ['gateway', '224.0.0.1'],
    ['mtu', '575'],
    ['mtu', '1501'],
    ['mtu', '0x5dc'],
    ['mtu', ''],
    ['domain', 'a b'],
    ['domain', 'a\nnameserver 192.0.2.66'],
    ['domain', 'lan.'],
    ['domain', ''],
    ['domain', `${'a'.repeat(64)}.test`],
    ['search', 'a  b'],
    ['search', 'a b\noptions'],
    ['search', '-a'],
    ['search', Array(33).fill('a').join(' ')],
    ['server', '0.0.0.0'],
    ['nameserver/001', '127.0.0.53'],
    ['nameserver/008', '10.0.0.3\noptions debug'],
    ['route/001', '10.2.0.0/16'],
    ['route/001', '10.2.0.0/16 10.0.0.1 10.0.0.2'],
    ['route/001', '10.2.0.1/16 10.0.0.1'],
    ['route/001', '128.0.0.0/1 10.0.0.1'],
    ['route/001', '0.0.0.0/0 10.0.0.1'],
    ['route/001', '224.0.0.0/8 10.0.0.1'],
    ['route/001', '127.0.0.0/8 10.0.0.1'],
    ['route/001', '10.1.0.0/24 10.0.0.1'],
    ['route/001', '10.1.0.128/25 10.0.0.1'],
    ['route/001', '10.2.0.0/16 127.0.0.1'],
    ['route/001', '10.2.0.0/16 10.1.0.1'],
    ['route/064', 'nonsense'],
  ])('does without %s "%s"', (key, value) => {
    const { lease, leftOut } = accepted({ [key]: value });
    expect(leftOut).toEqual([expect.stringContaining(`${key}: `)]);
    expect(lease).toMatchObject({
      gateway: null,
      mtu: null,
      domain: null,
      search: [],
      server: null,
      nameServers: [],
      routes: [],
    });
  });

  it('has no more servers and routes than there are numbers', () => {
    const { lease, leftOut } = accepted({
      'nameserver/009': '10.0.0.3',
      'route/065': '10.2.0.0/16 10.0.0.1',
    });
    expect([lease.nameServers, lease.routes, leftOut]).toEqual([[], [], []]);
  });
});
