// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { isExclusive } from './is-exclusive.ts';

const spec = (HostConfig: ContainerSpec['HostConfig'], more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  Image: 'web:1',
  HostConfig,
  ...more,
});
const endpoint = (settings: object) => ({ NetworkingConfig: { EndpointsConfig: { lan: settings } } });

describe('there can be one at a time', () => {
  it.each<[string, ContainerSpec]>([
    ['that writes a folder of the host', spec({ Binds: ['/data:/data'] })],
    ['that writes a named volume', spec({ Binds: ['data:/data:rw,z'] })],
    ['that mounts a volume', spec({ Mounts: [{ Type: 'volume', Source: 'data', Target: '/data' }] })],
    ['that mounts a folder', spec({ Mounts: [{ Type: 'bind', Source: '/data', Target: '/data' }] })],
    ['that has the volumes of another', spec({ VolumesFrom: ['other'] })],
    [
      'with a device',
      spec({ Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rw' }] }),
    ],
    ['with a graphics card', spec({ DeviceRequests: [{ Count: -1 }] })],
    ['with all devices', spec({ Privileged: true })],
    ['on the network of the host', spec({ NetworkMode: 'host' })],
    ['on the network of another', spec({ NetworkMode: 'container:abc' })],
    ['with the processes of the host', spec({ PidMode: 'host' })],
    ['with the shared memory of the host', spec({ IpcMode: 'host' })],
    ['with the name of the host', spec({ UTSMode: 'host' })],
    ['with an IPv4 address of its own', spec({}, endpoint({ IPAMConfig: { IPv4Address: '10.1.0.9' } }))],
    ['with an IPv6 address of its own', spec({}, endpoint({ IPAMConfig: { IPv6Address: 'fd00::9' } }))],
    ['with a link address of its own', spec({}, endpoint({ MacAddress: '02:00:00:00:00:01' }))],
    ['with a link address, as engines before 25 have it', spec({}, { MacAddress: '02:00:00:00:00:01' })],
  ])('of one %s', (_what, exclusive) => {
    expect(isExclusive(exclusive)).toBe(true);
  });
});

describe('there can be two at a time', () => {
  it.each<[string, ContainerSpec]>([
    ['with nothing', spec({})],
    ['with ports', spec({ PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '80' }] } })],
    ['that reads a folder', spec({ Binds: ['/data:/data:ro', 'conf:/conf:ro,z'] })],
    [
      'that reads a volume',
      spec({ Mounts: [{ Type: 'volume', Source: 'a', Target: '/a', ReadOnly: true }] }),
    ],
    ['that reads the volumes of another', spec({ VolumesFrom: ['other:ro'] })],
    ['with a volume of its own', spec({ Binds: ['/data'], Mounts: [{ Type: 'volume', Target: '/b' }] })],
    ['with memory for files', spec({ Tmpfs: { '/run': '' }, Mounts: [{ Type: 'tmpfs', Target: '/t' }] })],
    ['on a network', spec({ NetworkMode: 'lan', IpcMode: 'private' }, endpoint({ Aliases: ['web'] }))],
    ['with empty lists', spec({ Devices: [], DeviceRequests: [], Binds: [], VolumesFrom: [] })],
  ])('of one %s', (_what, shared) => {
    expect(isExclusive(shared)).toBe(false);
  });
});
