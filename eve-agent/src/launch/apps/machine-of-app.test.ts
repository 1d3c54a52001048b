// SPDX-License-Identifier: Apache-2.0
/** What a VM is made of, of what a configuration says. */
import { describe, expect, it } from 'vitest';
import type { AppNetwork, AppVolume } from './app-intent.ts';
import { type DigestOf, imageTag, machineOfApp, macOf, type VmIntent } from './machine-of-app.ts';

const APP = '00000000-0000-4000-8000-000000000001';
const BN1: AppNetwork = {
  bridge: { name: 'bn1', cidr: '10.1.0.1/24', displayName: '' },
  ...{ address: null, mac: null, portMaps: [] },
};
const BN2: AppNetwork = { ...BN1, bridge: { name: 'bn2', cidr: '10.2.0.1/16', displayName: '' } };
const volume = (uuid: string, more: object = {}, tree: object | null = {}) =>
  ({
    volume: { uuid, generationCount: 0, maxsizebytes: 0, readonly: false, ...more },
    tree,
  }) as unknown as AppVolume;
const digestOf: DigestOf = ({ tree }) => (tree === null ? null : 'abcdef'.repeat(11).slice(0, 64));
const intentOf = (more: object = {}) =>
  ({
    ...{ kind: 'vm', uuid: APP, networks: [], volumes: [], root: volume('A') },
    ...{ memoryBytes: 1024, cpuCount: null, diskFormat: 'qcow2', isUefi: false },
    ...{ hasSeed: true, userData: null, startDelayMs: 0 },
    ...more,
  }) as unknown as VmIntent;
const make = (more: object = {}, purge = 0) => machineOfApp(intentOf(more), digestOf, purge);
const DISK = `eve_${APP}_a_0_abcdefabcdef`;

describe('a VM of an app', () => {
  it.each<[string, object, object]>([
    [
      'as it is',
      {},
      {
        HostConfig: { NetworkMode: 'none', Memory: 1024, NanoCpus: 1e9 },
        Machine: { RootVolume: `${DISK}_0` },
      },
    ],
    ['with cpus', { cpuCount: 3 }, { HostConfig: { NanoCpus: 3e9 } }],
    ['with a delay', { startDelayMs: 1 }, { Machine: { IsLeftAtBoot: true } }],
    ['with UEFI', { isUefi: true }, { Machine: { Firmware: 'uefi' } }],
    ['with a larger disk', { root: volume('A', { maxsizebytes: 99 }) }, { Machine: { DiskSize: 99 } }],
    [
      'of another generation',
      { root: volume('A', { generationCount: 4 }) },
      { Machine: { RootVolume: `eve_${APP}_a_4_abcdefabcdef_0` } },
    ],
    [
      'of a blank disk',
      { root: volume('A', {}, null) },
      { Machine: { RootVolume: `eve_${APP}_a_0_blank_0` } },
    ],
    [
      'with further disks',
      {
        volumes: [
          volume('B', { readonly: true }),
          volume('C', { maxsizebytes: 7, generationCount: 2 }, null),
        ],
      },
      {
        Machine: {
          Volumes: [
            { Name: `eve_${APP}_b_0_abcdefabcdef`, Image: `eve_${APP}:abcdefabcdef`, ReadOnly: true },
            { Name: `eve_${APP}_c_2_blank`, Size: 7 },
          ],
        },
      },
    ],
    [
      'on two bridges',
      { networks: [BN1, { ...BN2, address: '10.2.0.9', mac: '02:00:00:00:00:09' }] },
      {
        HostConfig: { NetworkMode: 'bn1' },
        NetworkingConfig: {
          EndpointsConfig: {
            bn1: { MacAddress: macOf(APP, 0) },
            bn2: { MacAddress: '02:00:00:00:00:09', IPAMConfig: { IPv4Address: '10.2.0.9' } },
          },
        },
      },
    ],
    [
      'with ports, each to its interface',
      {
        networks: [
          { ...BN1, portMaps: [{ protocol: 'tcp', hostPort: 8080, appPort: 80 }] },
          { ...BN2, portMaps: [{ protocol: 'udp', hostPort: 53, appPort: 5353 }] },
        ],
      },
      {
        Machine: {
          Ports: [
            { Protocol: 'tcp', HostPort: 8080, Port: 80, Network: 0 },
            { Protocol: 'udp', HostPort: 53, Port: 5353, Network: 1 },
          ],
        },
      },
    ],
  ])('%s', (_name, more, expected) => {
    expect(make(more)).toMatchObject(expected);
  });

  it('has nothing that was not said', () => {
    expect(make()).toEqual({
      Image: '',
      HostConfig: { NetworkMode: 'none', Memory: 1024, NanoCpus: 1e9 },
      Machine: { RootVolume: `${DISK}_0` },
    });
  });

  it('gets a disk anew by a purge, and a disc is none', () => {
    expect(make({}, 3).Machine?.RootVolume).toBe(`${DISK}_3`);
    const iso = make({ diskFormat: 'iso', root: volume('A', { maxsizebytes: 99 }) });
    expect(iso.Machine).toEqual({});
  });

  it('has MAC addresses of its own, by app and place', () => {
    const all = [macOf(APP, 0), macOf(APP, 1), macOf(`${APP}x`, 0)];
    expect(new Set(all).size).toBe(3);
    for (const mac of all) expect(mac).toMatch(/^02:16:3e(:[0-9a-f]{2}){3}$/);
    expect(macOf(APP, 0)).toBe(all[0]);
  });

  it('has images by the digest', () => {
    expect([imageTag('u', 'f'.repeat(64)), imageTag('u', null)]).toEqual([
      'eve_u:ffffffffffff',
      'eve_u:blank',
    ]);
  });
});

describe('what cloud-init is given', () => {
  const seedOf = (more: object) => make(more).Machine?.Seed;
  const USER_DATA = '#cloud-config\nhostname: é\n';
  const userData = Buffer.from(USER_DATA).toString('base64');
  const fixed = [{ ...BN1, address: '10.1.0.50' }, BN2];

  it.each<[string, object]>([
    ['neither user data nor an address', { networks: [BN1] }],
    ['no drive', { hasSeed: false, networks: fixed }],
  ])('is nothing with %s', (_name, more) => {
    expect(seedOf(more)).toBeUndefined();
  });

  it('is user data, as a text', () => {
    const seed = seedOf({ userData, networks: [BN1] });
    expect(seed).toEqual({ UserData: USER_DATA, MetaData: expect.stringContaining(APP) });
    expect(JSON.parse(seed?.MetaData ?? '')).toEqual({
      'instance-id': expect.stringMatching(`^${APP}-[0-9a-f]{12}$`),
      'local-hostname': APP,
    });
  });

  it('is another instance by other user data', () => {
    expect(seedOf({ userData })?.MetaData).toBe(seedOf({ userData, memoryBytes: 9 })?.MetaData);
    expect(seedOf({ userData })?.MetaData).not.toBe(seedOf({ userData: btoa('other') })?.MetaData);
  });

  it('is the addresses that the configuration has', () => {
    const seed = seedOf({ networks: fixed });
    expect(seed?.UserData).toBe('#cloud-config\n');
    expect(JSON.parse(seed?.NetworkConfig ?? '')).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: macOf(APP, 0) },
          'set-name': 'eth0',
          addresses: ['10.1.0.50/24'],
          routes: [{ to: '0.0.0.0/0', via: '10.1.0.1' }],
        },
        eth1: { match: { macaddress: macOf(APP, 1) }, 'set-name': 'eth1', dhcp4: true },
      },
    });
  });
});
