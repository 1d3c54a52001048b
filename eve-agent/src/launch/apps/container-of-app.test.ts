// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { identityOf } from './app-identity.ts';
import { type ContainerIntent, containerOfApp } from './container-of-app.ts';

const BRIDGE = { name: 'bn1', cidr: '10.1.0.1/24', displayName: '' };
const NETWORK = { bridge: BRIDGE, address: null, mac: null, portMaps: [] };
const VOLUME = '00000000-0000-4000-8000-00000000000A';
const intentOf = (more: object = {}) =>
  ({
    ...{ kind: 'container', uuid: 'u', networks: [], volumes: [], environment: [] },
    ...{ memoryBytes: null, cpuCount: null, startDelayMs: 0 },
    ...more,
  }) as unknown as ContainerIntent;
const BASE: ContainerSpec = { Image: '', HostConfig: {} };

it.each<[string, object, ContainerSpec, object]>([
  ['without a network', {}, BASE, { HostConfig: { NetworkMode: 'none', PortBindings: {} }, Env: [] }],
  [
    'on a bridge',
    { networks: [NETWORK] },
    BASE,
    { HostConfig: { NetworkMode: 'eve_bn1' }, NetworkingConfig: { EndpointsConfig: { eve_bn1: {} } } },
  ],
  [
    'with an address, a MAC address and a port',
    {
      networks: [
        {
          ...{ bridge: BRIDGE, address: '10.1.0.9', mac: '02:00:00:00:00:01' },
          portMaps: [{ protocol: 'udp', hostPort: 53, appPort: 5353 }],
        },
      ],
    },
    BASE,
    {
      ExposedPorts: { '5353/udp': {} },
      HostConfig: { PortBindings: { '5353/udp': [{ HostIp: '', HostPort: '53' }] } },
      NetworkingConfig: {
        EndpointsConfig: {
          eve_bn1: { IPAMConfig: { IPv4Address: '10.1.0.9' }, MacAddress: '02:00:00:00:00:01' },
        },
      },
      MacAddress: '02:00:00:00:00:01',
    },
  ],
  [
    'on two bridges, in the order of its interfaces, with the ports of both',
    {
      networks: [
        {
          ...NETWORK,
          bridge: { ...BRIDGE, name: 'bn2' },
          portMaps: [{ protocol: 'tcp', hostPort: 81, appPort: 80 }],
        },
        { ...NETWORK, mac: '02:00:00:00:00:01', portMaps: [{ protocol: 'tcp', hostPort: 82, appPort: 80 }] },
      ],
    },
    BASE,
    {
      HostConfig: {
        NetworkMode: 'eve_bn2',
        PortBindings: {
          '80/tcp': [
            { HostIp: '', HostPort: '81' },
            { HostIp: '', HostPort: '82' },
          ],
        },
      },
      NetworkingConfig: {
        EndpointsConfig: {
          eve_bn2: { DriverOpts: { 'com.docker.network.endpoint.ifname': 'eth0' }, GwPriority: 1 },
          eve_bn1: {
            MacAddress: '02:00:00:00:00:01',
            DriverOpts: { 'com.docker.network.endpoint.ifname': 'eth1' },
          },
        },
      },
    },
  ],
  [
    'with limits',
    { memoryBytes: 1024, cpuCount: 2 },
    BASE,
    { HostConfig: { Memory: 1024, NanoCpus: 2_000_000_000 } },
  ],
  [
    'with a delay over its arguments',
    { startDelayMs: 1 },
    { ...BASE, HostConfig: { RestartPolicy: { Name: 'always' } } },
    { HostConfig: { RestartPolicy: { Name: 'no' } } },
  ],
  [
    'with user data over its arguments',
    { environment: [['A', '2']] },
    { ...BASE, Env: ['A=1', 'B=1'] },
    { Env: ['A=2', 'B=1'] },
  ],
  [
    'with a blank volume',
    { volumes: [{ volume: { uuid: VOLUME, generationCount: 3, readonly: true }, mountDir: '/data' }] },
    BASE,
    {
      HostConfig: {
        Mounts: [
          {
            ...{ Type: 'volume', Source: `eve_u_${VOLUME.toLowerCase()}_3` },
            ...{ Target: '/data', ReadOnly: true },
          },
        ],
      },
    },
  ],
])('a container %s', (_name, more, base, expected) => {
  expect(containerOfApp(intentOf(more), base)).toMatchObject(expected);
});

it('another image, another purge and another container are another identity; the name of the image is none', () => {
  const identity = identityOf(BASE, 'a', 0);
  expect(identityOf({ ...BASE, Image: 'x:1' }, 'a', 0)).toBe(identity);
  const others = [
    identityOf(BASE, 'b', 0),
    identityOf(BASE, 'a', 1),
    identityOf({ ...BASE, Env: [] }, 'a', 0),
  ];
  expect(new Set([identity, ...others]).size).toBe(4);
});
