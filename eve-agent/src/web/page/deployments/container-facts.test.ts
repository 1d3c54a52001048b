// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { containerAddresses, containerMounts, containerPorts } from './container-facts.ts';

it.each([
  [{}, []],
  [{ HostConfig: { PortBindings: null } }, []],
  [{ HostConfig: { PortBindings: { '80/tcp': null } } }, []],
  [{ HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } } }, ['8080 → 80/tcp']],
  [
    {
      HostConfig: { PortBindings: { '53/udp': [{ HostIp: '10.1.0.1', HostPort: '53' }, { HostPort: '' }] } },
    },
    ['10.1.0.1:53 → 53/udp', 'any → 53/udp'],
  ],
])('of %j the ports are %j', (container, ports) => {
  expect(containerPorts(container)).toEqual(ports);
});

it('tells addresses and mounts where there are any', () => {
  const networks = { bridge: { IPAddress: '172.17.0.2' }, none: {} };
  expect(containerAddresses({ NetworkSettings: { Networks: networks } })).toEqual(['172.17.0.2 on bridge']);
  expect(containerMounts({ Mounts: [{ Source: '/a', Destination: '/b' }] })).toEqual(['/a → /b']);
  expect([containerAddresses({}), containerMounts({})]).toEqual([[], []]);
});
