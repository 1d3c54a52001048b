// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { planRedirects } from './port-rule.ts';

const both = { networks: [{ name: 'bridge', ipv4: '172.17.0.3', ipv6: 'fd00::3', gateway: '' }] };
const v4 = { networks: [{ name: 'bridge', ipv4: '172.17.0.3', ipv6: '', gateway: '' }] };
const at = (HostIp: string, HostPort = '8080') => ({ '80/tcp': [{ HostIp, HostPort }] });
const ipv4 = {
  ...{ family: 4, protocol: 'tcp', hostAddress: null, hostPort: 8080 },
  ...{ address: '172.17.0.3', port: 80, bridge: 'docker0' },
};
const ipv6 = { ...ipv4, family: 6, address: 'fd00::3' };

describe('planRedirects', () => {
  it.each([
    ['any address, of a container with both', at(''), both, [ipv4, ipv6]],
    ['any address, of one with IPv4', at(''), v4, [ipv4]],
    ['any address of IPv4', at('0.0.0.0'), both, [ipv4]],
    ['any address of IPv6', at('::'), both, [ipv6]],
    ['one address of IPv4', at('10.1.0.1'), both, [{ ...ipv4, hostAddress: '10.1.0.1' }]],
    ['one address of IPv6', at('fd01::1'), both, [{ ...ipv6, hostAddress: 'fd01::1' }]],
    ['one of IPv6, of a container without', at('fd01::1'), v4, []],
    ['loopback, where no rule leads', at('127.0.0.1'), both, []],
    ['loopback of IPv6', at('::1'), both, []],
    ['a port that the engine chooses', at('', ''), both, []],
    ['a port of several', at('', '8000-8010'), both, []],
    ['no number', at('', 'http'), both, []],
    [
      'UDP',
      { '53/udp': [{ HostIp: '', HostPort: '53' }] },
      v4,
      [{ ...ipv4, protocol: 'udp', hostPort: 53, port: 53 }],
    ],
    ['another protocol', { '53/x': [{ HostIp: '', HostPort: '53' }] }, v4, []],
    ['no address at all', at(''), { networks: [] }, []],
    ['nothing', {}, both, []],
  ])('of %s', (_what, bindings, candidate, redirects) => {
    expect(planRedirects(bindings, candidate, 'docker0')).toEqual(redirects);
  });

  it('of more ports than are quickly led elsewhere: none', () => {
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [
          `${8000 + i}/tcp`,
          [{ HostIp: '', HostPort: String(8000 + i) }],
        ]),
      );
    expect(planRedirects(many(16), v4, 'docker0')).toHaveLength(16);
    expect(planRedirects(many(17), v4, 'docker0')).toEqual([]);
  });
});
