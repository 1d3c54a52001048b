// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { placeInside, placeKept, placeOutside } from './container-address.ts';

function view(
  networks: readonly Partial<ContainerView['networks'][number]>[],
  bindings: readonly { HostIp: string; HostPort: string }[] = [],
  networkMode = 'default',
): ContainerView {
  const whole = networks.map((network) => ({ name: 'a', ipv4: '', ipv6: '', gateway: '', ...network }));
  return { networkMode, networks: whole, portBindings: { '80/tcp': bindings } } as unknown as ContainerView;
}
const lan = { ipv4: '172.17.0.2', gateway: '172.17.0.1' };

describe('placeInside', () => {
  it.each([
    ['its address', view([lan]), '172.17.0.2'],
    ['the first that it has', view([{}, lan]), '172.17.0.2'],
    ['IPv6 where there is no other', view([{ ipv6: 'fd00::2' }]), 'fd00::2'],
    ["the host's own", view([], [], 'host'), '127.0.0.1'],
    ['none', view([], [], 'none'), null],
  ])('is %s', (_what, container, address) => {
    expect(placeInside(container, 80)).toEqual(address === null ? null : { address, port: 80 });
  });
});

describe('placeOutside', () => {
  it.each([
    ['any address', view([lan], [{ HostIp: '', HostPort: '8080' }]), '172.17.0.1:8080'],
    ['any of IPv4', view([lan], [{ HostIp: '0.0.0.0', HostPort: '8080' }]), '172.17.0.1:8080'],
    ['one address', view([lan], [{ HostIp: '10.1.0.1', HostPort: '8080' }]), '10.1.0.1:8080'],
    [
      'a network without an address of the host',
      view([{ ipv4: '10.9.0.2' }], [{ HostIp: '', HostPort: '1' }]),
      '127.0.0.1:1',
    ],
    ['a port that the engine chooses', view([lan], [{ HostIp: '', HostPort: '' }]), null],
    ['one of several', view([lan], [{ HostIp: '', HostPort: '1-9' }]), null],
    [
      'the second of two',
      view(
        [lan],
        [
          { HostIp: '', HostPort: '' },
          { HostIp: '', HostPort: '2' },
        ],
      ),
      '172.17.0.1:2',
    ],
    ['none', view([lan]), null],
    ["the host's own", view([], [], 'host'), '127.0.0.1:80'],
  ])('of %s', (_what, container, expected) => {
    const place = placeOutside(container, 80);
    expect(place && `${place.address}:${place.port}`).toBe(expected);
  });
});

describe('placeKept', () => {
  const spec = (...addresses: readonly (string | undefined)[]): ContainerSpec => {
    const endpoints = addresses.map((IPv4Address, i) => {
      const IPAMConfig = IPv4Address === undefined ? {} : { IPv4Address };
      return [`eve_bn${i + 1}`, { IPAMConfig }] as const;
    });
    return {
      Image: '',
      HostConfig: {},
      NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) },
    };
  };
  it.each([
    ['the address that both have', view([lan]), spec('172.17.0.2'), '172.17.0.2'],
    [
      'that of the second network',
      view([{ ipv4: '10.1.0.9' }, lan]),
      spec(undefined, '172.17.0.2'),
      '172.17.0.2',
    ],
    ['none where it gets another one', view([lan]), spec('172.17.0.3'), null],
    ['none where the engine chooses', view([lan]), spec(undefined), null],
    ['none of a container without a network', view([]), { Image: '', HostConfig: {} }, null],
  ])('is %s', (_what, serving, next, address) => {
    expect(placeKept(serving, next, 80)).toEqual(address === null ? null : { address, port: 80 });
  });
});
