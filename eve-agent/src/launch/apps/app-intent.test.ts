// SPDX-License-Identifier: Apache-2.0
/** What a configuration wants to run: one app a row, and what is made of it. */
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { describe, expect, it } from 'vitest';
import { type HostBridge, planApps } from './app-intent.ts';

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const TREE = { uuid: uuid(1), dsIdsList: [uuid(9)], URL: 'web:1', iformat: 'CONTAINER' };
const DISK = { ...TREE, uuid: uuid(2), URL: 'disk.img', iformat: 'QCOW2', sha256: 'ab'.repeat(32) };
const VMDK = { ...DISK, uuid: uuid(3), iformat: 'VMDK' };
const DISC = { ...DISK, uuid: uuid(4), iformat: 'ISO' };
const volumeOf = (n: number, tree: number) => ({
  uuid: uuid(n),
  origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuid(tree) },
});
const VOLUMES = [
  volumeOf(11, 1),
  volumeOf(12, 2),
  volumeOf(13, 3),
  { uuid: uuid(14), origin: { type: 'VCOT_BLANK' }, maxsizebytes: 1_000_000 },
  { uuid: uuid(15), origin: { type: 'VCOT_BLANK' } },
  volumeOf(16, 99),
  volumeOf(17, 4),
  { ...volumeOf(18, 2), readonly: true },
];
const INSTANCES = [
  { uuidandversion: { uuid: uuid(21) }, displayname: 'local', instType: 2 },
  { uuidandversion: { uuid: uuid(22) }, displayname: 'other', localDatastore: { bridge: 'bn2' } },
  { uuidandversion: { uuid: uuid(23) }, displayname: 'by gateway', ip: { gateway: '10.3.0.1' } },
  { uuidandversion: { uuid: uuid(24) }, displayname: 'of nobody' },
];
const BRIDGES: HostBridge[] = [
  { name: 'bn1', cidr: '10.1.0.1/24', displayName: 'local' },
  { name: 'bn2', cidr: '10.2.0.1/24', displayName: '' },
  { name: 'bn3', cidr: '10.3.0.1/24', displayName: '' },
];
const APP = {
  uuidandversion: { uuid: uuid(5).toUpperCase() },
  displayname: 'web',
  activate: true,
  fixedresources: { memory: 1024, vcpus: 2 },
  interfaces: [{ networkId: uuid(21) }],
  volumeRefList: [{ uuid: uuid(11) }],
};
const VM = { ...APP, volumeRefList: [{ uuid: uuid(12) }] };
const refs = (...numbers: number[]) => ({ volumeRefList: numbers.map((n) => ({ uuid: uuid(n) })) });
const portMap = (protocol: string, lport: string, appPort: number) => ({
  matches: [
    { type: 'protocol', value: protocol },
    { type: 'lport', value: lport },
  ],
  actions: [{ portmap: true, appPort }],
});

function plan(app: object, bridges = BRIDGES) {
  const lists = {
    ...NO_LISTS,
    contentInfo: [TREE, DISK, VMDK, DISC],
    volumes: VOLUMES,
    networkInstances: INSTANCES,
    apps: [app],
  };
  const [intent, ...more] = planApps(readDeviceConfig([{ name: '', lists }]), bridges);
  expect(more).toEqual([]);
  return intent;
}

describe('a container', () => {
  it.each<[string, object, object]>([
    [
      'as it is',
      APP,
      {
        kind: 'container',
        uuid: uuid(5),
        isActive: true,
        memoryBytes: 1_048_576,
        cpuCount: 2,
        root: { tree: { URL: 'web:1' } },
        networks: [{ bridge: { name: 'bn1' }, address: null, mac: null, portMaps: [] }],
        environment: [],
        warnings: [],
      },
    ],
    ['without limits', { ...APP, fixedresources: {} }, { memoryBytes: null, cpuCount: null }],
    ['without a network', { ...APP, interfaces: [] }, { networks: [] }],
    ['that is not to run', { ...APP, activate: false }, { isActive: false }],
    ['with user data', { ...APP, userData: btoa('A=1') }, { environment: [['A', '1']] }],
    [
      'with a blank volume',
      { ...APP, ...refs(11, 14) },
      { volumes: [{ tree: null, mountDir: '/mnt', volume: { maxsizebytes: 1_000_000 } }] },
    ],
    [
      'with a blank volume in its place',
      { ...APP, volumeRefList: [{ uuid: uuid(11) }, { uuid: uuid(14), mount_dir: '/data' }] },
      { volumes: [{ mountDir: '/data' }] },
    ],
    [
      'on a named bridge',
      { ...APP, interfaces: [{ networkId: uuid(22) }] },
      { networks: [{ bridge: { name: 'bn2' } }] },
    ],
    [
      'on the bridge of its gateway',
      { ...APP, interfaces: [{ networkId: uuid(23) }] },
      { networks: [{ bridge: { name: 'bn3' } }] },
    ],
    [
      'with an address and a MAC address',
      { ...APP, interfaces: [{ networkId: uuid(21), addr: '10.1.0.9', macAddress: '02-AB-00-00-00-01' }] },
      { networks: [{ address: '10.1.0.9', mac: '02:ab:00:00:00:01' }] },
    ],
    [
      'with a mapped port',
      {
        ...APP,
        interfaces: [
          {
            networkId: uuid(21),
            acls: [
              {
                matches: [
                  { type: 'protocol', value: 'tcp' },
                  { type: 'lport', value: '8080' },
                ],
                actions: [{ portmap: true, appPort: 80 }],
              },
            ],
          },
        ],
      },
      { networks: [{ portMaps: [{ protocol: 'tcp', hostPort: 8080, appPort: 80 }] }] },
    ],
    [
      'on two networks, each with an address, a MAC address and a port',
      {
        ...APP,
        interfaces: [
          { networkId: uuid(22), addr: '10.2.0.9', acls: [portMap('tcp', '8080', 80)] },
          { networkId: uuid(21), macAddress: '02-AB-00-00-00-01', acls: [portMap('tcp', '8081', 81)] },
        ],
      },
      {
        networks: [
          { bridge: { name: 'bn2' }, address: '10.2.0.9', mac: null, portMaps: [{ hostPort: 8080 }] },
          {
            bridge: { name: 'bn1' },
            address: null,
            mac: '02:ab:00:00:00:01',
            portMaps: [{ hostPort: 8081 }],
          },
        ],
      },
    ],
    [
      'with what is only told of',
      {
        ...APP,
        snapshot: {},
        profileList: ['a'],
        patchRef: {},
        fixedresources: { enableVnc: true, pinCpu: true, cpuPolicy: 2 },
      },
      {
        warnings: [
          'nothing is done by snapshot',
          'nothing is done by profileList',
          'nothing is done by patchRef',
          'nothing is done by fixedresources.enableVnc',
          'nothing is done by fixedresources.pinCpu',
          'nothing is done by fixedresources.cpuPolicy',
        ],
      },
    ],
    ['with our own key', { ...APP, localDatastore: { args: [] } }, { extension: { args: [] } }],
    ['with a delay', { ...APP, startDelayInSeconds: 3 }, { startDelayMs: 3000 }],
  ])('%s', (_name, app, expected) => {
    expect(plan(app)).toMatchObject(expected);
  });
});

describe('a VM', () => {
  it.each<[string, object, object]>([
    [
      'as it is',
      VM,
      {
        ...{ kind: 'vm', diskFormat: 'qcow2', memoryBytes: 1_048_576, isUefi: false, userData: null },
        ...{ hasSeed: true, warnings: [] },
      },
    ],
    ['with UEFI', { ...VM, fixedresources: { memory: 1, bootMode: 2 } }, { isUefi: true }],
    ['with user data', { ...VM, userData: 'QT0x' }, { userData: 'QT0x' }],
    [
      'with user data that nobody wants',
      { ...VM, userData: 'QT0x', metaDataType: 1 },
      {
        ...{ userData: null, hasSeed: false },
        warnings: ['nothing is done by userData: metaDataType is MetaDataNone'],
      },
    ],
    [
      'in a mode of other devices',
      { ...VM, fixedresources: { memory: 1, virtualizationMode: 'LEGACY' } },
      { warnings: [expect.stringMatching(/virtualizationMode: .*virtio.* LEGACY/)] },
    ],
    ['from a disc', { ...VM, ...refs(17) }, { diskFormat: 'iso' }],
    ['from a blank disk', { ...VM, ...refs(14) }, { diskFormat: 'raw', root: { tree: null } }],
    ['with two disks', { ...VM, ...refs(12, 14) }, { volumes: [{ tree: null }] }],
    [
      'on two networks',
      { ...VM, interfaces: [{ networkId: uuid(21) }, { networkId: uuid(22) }] },
      { networks: [{ bridge: { name: 'bn1' } }, { bridge: { name: 'bn2' } }] },
    ],
  ])('%s', (_name, app, expected) => {
    expect(plan(app)).toMatchObject(expected);
  });
});

describe('what cannot be run is said', () => {
  it.each<[string, object, RegExp]>([
    ['a volume that is not there', { ...APP, ...refs(77) }, /no usable volume/],
    [
      'a volume of another generation',
      { ...APP, volumeRefList: [{ uuid: uuid(11), generationCount: 4 }] },
      /generation 4 is wanted/,
    ],
    ['a content tree that is not there', { ...APP, ...refs(16) }, /no usable content tree/],
    ['a blank volume without its size', { ...APP, ...refs(11, 15) }, /needs its size/],
    ['a disk in a container', { ...APP, ...refs(11, 12) }, /only blank volumes/],
    ['two volumes in one place', { ...APP, ...refs(11, 14, 14) }, /at one place/],
    [
      'two interfaces of a container on one bridge',
      { ...APP, interfaces: [{ networkId: uuid(21) }, { networkId: uuid(21), addr: '10.1.0.9' }] },
      /^interfaces: a container has one interface on a bridge, and two are on bn1$/,
    ],
    [
      'a port that two interfaces map',
      {
        ...APP,
        interfaces: [
          { networkId: uuid(21), acls: [portMap('tcp', '8080', 80), portMap('udp', '53', 53)] },
          { networkId: uuid(22), acls: [portMap('tcp', '8080', 81), portMap('tcp', '53', 53)] },
        ],
      },
      /^interfaces: the tcp port 8080 outside is mapped twice$/,
    ],
    ['user data that is none', { ...APP, userData: btoa('secret') }, /^userData: line 1 is no KEY=value$/],
    [
      'a network instance that is not there',
      { ...APP, interfaces: [{ networkId: uuid(77) }] },
      /no usable network instance/,
    ],
    [
      'a network instance without a bridge',
      { ...APP, interfaces: [{ networkId: uuid(24) }] },
      /localDatastore\.bridge/,
    ],
    [
      'an address of another network',
      { ...APP, interfaces: [{ networkId: uuid(21), addr: '10.2.0.9' }] },
      /not of bn1/,
    ],
    ['an address that is none', { ...APP, interfaces: [{ networkId: uuid(21), addr: 'x' }] }, /not of bn1/],
    ['a disk of another format', { ...VM, ...refs(13) }, /qemu-img convert/],
    ['a second disk of another format', { ...VM, ...refs(12, 13) }, /the disks of a VM/],
    ['a mode without VMs', { ...VM, fixedresources: { memory: 1, virtualizationMode: 4 } }, /NOHYPER/],
    ['user data that is no text', { ...VM, userData: '/w==' }, /^userData: a text expected/],
    [
      'user data of another kind',
      { ...VM, userData: 'QT0x', metaDataType: 'MetaDataOpenStack' },
      /^metaDataType: MetaDataOpenStack/,
    ],
    ['a root that nothing may be written to', { ...VM, ...refs(18) }, /cannot be read-only/],
    [
      'a VM twice on one bridge',
      { ...VM, interfaces: [{ networkId: uuid(21) }, { networkId: uuid(21) }] },
      /^interfaces\[1\]: .* once, not twice/,
    ],
    [
      'a port that leads to two places of a VM',
      {
        ...VM,
        interfaces: [21, 22].map((n) => ({
          networkId: uuid(n),
          acls: [
            {
              matches: [
                { type: 'protocol', value: 'tcp' },
                { type: 'lport', value: '8080' },
              ],
              actions: [{ portmap: true, appPort: 80 }],
            },
          ],
        })),
      },
      /^interfaces: the tcp port 8080 outside is mapped twice$/,
    ],
    ['a VM without memory', { ...VM, fixedresources: {} }, /memory of a VM/],
  ])('%s', (_name, app, why) => {
    const intent = plan(app);
    expect(intent).toMatchObject({ kind: 'unusable', displayName: 'web' });
    const problems = intent?.kind === 'unusable' ? intent.problems : [];
    expect(problems).toEqual([expect.stringMatching(why)]);
    expect(problems.join()).not.toContain('secret');
  });

  it('also of an entry that cannot be read', () => {
    expect(plan({ ...APP, service: true })).toMatchObject({
      kind: 'unusable',
      uuid: uuid(5),
      problems: [expect.stringMatching(/^apps\[0\]\.service: /)],
    });
  });

  it('where the bridge that is named is not there', () => {
    const intent = plan({ ...APP, interfaces: [{ networkId: uuid(22) }] }, BRIDGES.slice(0, 1));
    expect(intent).toMatchObject({ problems: [expect.stringMatching(/no bridge bn2/)] });
  });
});

describe('what is compared with what was carried out', () => {
  const recordOf = (app: object) => {
    const intent = plan(app);
    if (intent === undefined || intent.kind === 'unusable') throw new Error(JSON.stringify(intent));
    return intent.record;
  };
  const map = (port: string) => [
    {
      matches: [
        { type: 'protocol', value: 'tcp' },
        { type: 'lport', value: port },
      ],
      actions: [{ portmap: true, appPort: 80 }],
    },
  ];
  it.each<[string, object, (keyof ReturnType<typeof recordOf>)[]]>([
    ['a name', { displayname: 'other' }, []],
    ['activate', { activate: false }, []],
    ['access rules', { interfaces: [{ networkId: uuid(21), acls: map('1') }] }, []],
    ['another network instance', { interfaces: [{ networkId: uuid(22) }] }, ['restartText']],
    ['one interface less', { interfaces: [] }, ['purgeText', 'restartText']],
    ['memory', { fixedresources: { memory: 2048, vcpus: 2 } }, ['restartText']],
    ['user data', { userData: btoa('A=1') }, ['restartText']],
    ['our own key', { localDatastore: { args: [] } }, ['restartText']],
    ['a delay after a boot', { startDelayInSeconds: 9 }, ['restartText']],
    ['volumes', refs(11, 14), ['purgeText']],
    ['the restart counter', { restart: { counter: 1 } }, ['restartCounter']],
    ['the purge counter', { purge: { counter: 1 } }, ['purgeCounter']],
  ])('%s', (_name, change, expected) => {
    const [before, after] = [recordOf(APP), recordOf({ ...APP, ...change })];
    const keys = Object.keys(before) as (keyof typeof before)[];
    expect(keys.filter((key) => before[key] !== after[key]).sort()).toEqual([...expected].sort());
  });

  it('has no user data', () => {
    expect(JSON.stringify(recordOf({ ...APP, userData: btoa('A=secret') }))).not.toContain(btoa('A=secret'));
  });
});
