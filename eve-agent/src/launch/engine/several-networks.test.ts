// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, EndpointSettings } from './container-spec.ts';
import { divideNetworks, findUnsupportedNetworks, INTERFACE_NAME } from './several-networks.ts';

/** A container on these, the first of them being its own. */
const specOf = (...endpoints: (readonly [string, EndpointSettings])[]): ContainerSpec => ({
  ...{ Image: 'a:1', HostConfig: { NetworkMode: endpoints[0]?.[0] ?? 'none' } },
  NetworkingConfig: { EndpointsConfig: Object.fromEntries([...endpoints].reverse()) },
});
const named = (name: string, more: EndpointSettings = {}): EndpointSettings => ({
  ...more,
  DriverOpts: { ...more.DriverOpts, [INTERFACE_NAME]: name },
});
const MAC = { MacAddress: '02:00:00:00:00:01' };

describe('what an engine cannot do', () => {
  it.each<[string, ContainerSpec, number, readonly RegExp[]]>([
    ['nothing of one network', specOf(['b', named('eth7', MAC)]), 41, []],
    ['nothing of none', { Image: '', HostConfig: {} }, 41, []],
    ['nothing where the names are in order', specOf(['a', named('eth0', MAC)], ['b', named('eth1')]), 41, []],
    ['nothing without wishes', specOf(['b', {}], ['a', {}]), 41, []],
    [
      'another order of interfaces',
      specOf(['b', named('eth0')], ['a', named('eth1')]),
      44,
      [/^the interface eth0 on b \(it would be eth1, .*API 1\.48, this one speaks 1\.44$/, /eth1 on a/],
    ],
    [
      'no other order where interfaces have names',
      specOf(['b', named('eth0')], ['a', named('eth1')]),
      48,
      [],
    ],
    [
      'a MAC address on a further network',
      specOf(['a', {}], ['b', MAC]),
      43,
      [/^the MAC address .* on b.*API 1\.44/],
    ],
    ['no MAC address where each has its own', specOf(['a', MAC], ['b', MAC]), 44, []],
  ])('is %s', (_what, spec, api, expected) => {
    const problems = findUnsupportedNetworks(spec, api);
    expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});

describe('a container on several networks', () => {
  const spec = specOf(
    ['b', named('eth0', { GwPriority: 1, DriverOpts: { x: 'y' } })],
    ['a', named('eth1', { IPAMConfig: { IPv4Address: '10.1.0.9' } })],
  );
  it('is made on the first, and connected to the others, where the engine takes one', () => {
    const [made, later] = divideNetworks(spec, 41);
    expect(made).toEqual({
      ...spec,
      NetworkingConfig: { EndpointsConfig: { b: { DriverOpts: { x: 'y' } } } },
    });
    expect(later).toEqual([{ network: 'a', endpoint: { IPAMConfig: { IPv4Address: '10.1.0.9' } } }]);
  });

  it('is made on all, without names, where the engine has none', () => {
    const [made, later] = divideNetworks(spec, 44);
    expect(later).toEqual([]);
    expect(JSON.stringify(made.NetworkingConfig)).not.toMatch(/ifname|GwPriority/);
    expect(Object.keys(made.NetworkingConfig?.EndpointsConfig ?? {})).toEqual(['b', 'a']);
  });

  it('is made as it is wanted by the newest, and as it is on one network by all', () => {
    expect(divideNetworks(spec, 48)).toEqual([spec, []]);
    const single = specOf(['b', named('eth0', { GwPriority: 1 })]);
    expect(divideNetworks(single, 41)).toEqual([single, []]);
  });
});
