// SPDX-License-Identifier: Apache-2.0
/** The configuration table of apps, volumes and network instances: one entry a row, as controllers and eden write it. */
import { describe, expect, it } from 'vitest';
import { readAppConfig } from './app-config.ts';
import { NO_LISTS } from './config-document.ts';

const ID = 'fa78153c-e215-5397-bfa7-514264cdf4dd';
const OTHER = 'fa78153c-e215-5397-bfa7-514264cdf4de';
const APP = {
  uuidandversion: { uuid: ID, version: '3' },
  displayname: 'web',
  fixedresources: { memory: 1_048_576, vcpus: 2 },
  activate: true,
  interfaces: [
    {
      name: 'eth0',
      networkId: OTHER,
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
  userData: 'QT0x',
  volumeRefList: [{ uuid: OTHER, generationCount: '1' }],
};
const VOLUME = {
  uuid: ID,
  origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: OTHER },
  maxsizebytes: '5',
};
const INSTANCE = {
  uuidandversion: { uuid: ID },
  displayname: 'local',
  instType: 'ZnetInstLocal',
  activate: true,
};

const read = (lists: object, name = '') => readAppConfig([{ name, lists: { ...NO_LISTS, ...lists } }]);
const without = (item: object, key: string) =>
  Object.fromEntries(Object.entries(item).filter(([each]) => each !== key));

describe('an app is read', () => {
  it.each<[string, object, object]>([
    [
      'as a controller writes it',
      APP,
      {
        uuidandversion: { uuid: ID, version: '3' },
        activate: true,
        fixedresources: { memory: 1_048_576, vcpus: 2, virtualizationMode: 'PV' },
        volumeRefList: [{ uuid: OTHER, generationCount: 1, mountDir: '' }],
        restart: { counter: 0 },
        interfaces: [
          { networkId: OTHER, addr: '', acls: [{ dir: 'BOTH', actions: [{ portmap: true, appPort: 80 }] }] },
        ],
      },
    ],
    [
      'with every field in the spelling of the proto file',
      {
        ...APP,
        uuidandversion: { uuid: ID },
        volume_ref_list: [{ uuid: OTHER, generation_count: 2, mount_dir: '/data' }],
        volumeRefList: null,
        start_delay_in_seconds: 5,
        profile_list: ['a'],
        user_data: 'QT0x',
        meta_data_type: 'MetaDataNone',
        fixedresources: { virtualization_mode: 1, boot_mode: 2, disable_logs: true },
        interfaces: [
          { network_id: OTHER, mac_address: '02:00:00:00:00:01', acls: [{ actions: [{ app_port: 1 }] }] },
        ],
      },
      {
        volumeRefList: [{ uuid: OTHER, generationCount: 2, mountDir: '/data' }],
        startDelayInSeconds: 5,
        profileList: ['a'],
        metaDataType: 'MetaDataNone',
        fixedresources: {
          virtualizationMode: 'HVM',
          bootMode: 'VM_BOOT_MODE_UEFI',
          disableLogs: true,
          memory: 0,
        },
        interfaces: [
          { networkId: OTHER, macAddress: '02:00:00:00:00:01', acls: [{ actions: [{ appPort: 1 }] }] },
        ],
      },
    ],
    [
      'without what is false, empty or 0',
      { uuidandversion: { uuid: ID }, volumeRefList: [{ uuid: OTHER }] },
      {
        activate: false,
        displayname: '',
        userData: '',
        interfaces: [],
        fixedresources: { memory: 0, vcpus: 0 },
      },
    ],
    [
      'with null for what is absent',
      { ...APP, fixedresources: null, restart: null, cipherData: null },
      {
        fixedresources: { memory: 0 },
        restart: { counter: 0 },
      },
    ],
    [
      'with counters as texts',
      { ...APP, restart: { counter: '3' }, purge: { counter: 1 } },
      {
        restart: { counter: 3 },
        purge: { counter: 1 },
      },
    ],
    [
      'with what is only told of',
      { ...APP, snapshot: { maxSnapshots: 1 }, patchRef: { id: 'x' } },
      {
        snapshot: { maxSnapshots: 1 },
        patchRef: { id: 'x' },
      },
    ],
    [
      'with our own key',
      { ...APP, localDatastore: { args: ['-p', '80:80'] } },
      {
        localDatastore: { args: ['-p', '80:80'] },
      },
    ],
    [
      'with fields of newer releases',
      { ...APP, allowToDiscover: true, cloudInitVersion: 7 },
      { displayname: 'web' },
    ],
  ])('%s', (_name, app, expected) => {
    const { apps, unusableApps } = read({ apps: [app] });
    expect(unusableApps).toEqual([]);
    expect(apps).toMatchObject([expected]);
  });
});

describe('what cannot be done is refused by name, on that app alone', () => {
  it.each<[string, object, string]>([
    ['no uuid', without(APP, 'uuidandversion'), 'apps[0].uuidandversion'],
    ['a uuid that is none', { ...APP, uuidandversion: { uuid: 'web' } }, 'apps[0].uuidandversion.uuid'],
    ['no volume', without(APP, 'volumeRefList'), 'apps[0].volumeRefList'],
    ['drives of old releases', { ...without(APP, 'volumeRefList'), drives: [{}] }, 'apps[0].drives'],
    ['devices of the host', { ...APP, adapters: [{ name: 'eth1' }] }, 'apps[0].adapters'],
    ['encrypted user data', { ...APP, cipherData: { cipherContextId: 'x' } }, 'apps[0].cipherData'],
    ['a service of the host', { ...APP, service: true }, 'apps[0].service'],
    ['a kernel of its own', { ...APP, fixedresources: { kernel: '/k' } }, 'apps[0].fixedresources'],
    [
      'an unknown mode',
      { ...APP, fixedresources: { virtualizationMode: 9 } },
      'apps[0].fixedresources.virtualizationMode',
    ],
    [
      'a MAC address that is none',
      { ...APP, interfaces: [{ macAddress: 'x' }] },
      'apps[0].interfaces[0].macAddress',
    ],
    [
      'a port that is none',
      { ...APP, interfaces: [{ acls: [{ actions: [{ appPort: 70_000 }] }] }] },
      'apps[0].interfaces[0].acls[0].actions[0].appPort',
    ],
    ['one field under two spellings', { ...APP, display_name: 'other' }, 'apps[0].displayname'],
    [
      'one nested field under two spellings',
      { ...APP, volumeRefList: [{ uuid: OTHER, mount_dir: '/a', mountDir: '/b' }] },
      'apps[0].volumeRefList[0].mountDir',
    ],
    ['interfaces that are no list', { ...APP, interfaces: {} }, 'apps[0].interfaces'],
  ])('%s', (_name, app, path) => {
    const good = { ...APP, uuidandversion: { uuid: OTHER } };
    const { apps, unusableApps } = read({ apps: [app, good] });
    expect(apps).toMatchObject([{ uuidandversion: { uuid: OTHER } }]);
    expect(unusableApps).toMatchObject([{ problems: [{ path }] }]);
  });

  it('an entry that is no object has its place for a name', () => {
    expect(read({ apps: ['web'] }, 'a.json').unusableApps).toEqual([
      {
        id: 'a.json: apps[0]',
        displayName: '',
        problems: [{ path: 'a.json: apps[0]', message: 'an object expected' }],
      },
    ]);
  });

  it('of two apps with one uuid the first counts', () => {
    const { apps, unusableApps } = read({ apps: [APP, { ...APP, displayname: 'other' }] });
    expect(apps).toMatchObject([{ displayname: 'web' }]);
    expect(unusableApps).toMatchObject([
      { id: 'apps[1]', displayName: 'other', problems: [{ path: 'apps[1].uuidandversion.uuid' }] },
    ]);
  });
});

describe('volumes', () => {
  it.each<[string, object, object]>([
    [
      'of a content tree',
      VOLUME,
      { origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: OTHER }, maxsizebytes: 5 },
    ],
    [
      'in the other spelling',
      {
        uuid: ID,
        origin: { type: 2, download_content_tree_id: OTHER },
        max_size_bytes: 7,
        read_only: true,
        generation_count: 3,
      },
      { origin: { type: 'VCOT_DOWNLOAD' }, maxsizebytes: 7, readonly: true, generationCount: 3 },
    ],
    [
      'blank',
      { uuid: ID, origin: { type: 'VCOT_BLANK' }, maxsizebytes: 1024 },
      { origin: { type: 'VCOT_BLANK' } },
    ],
  ])('%s', (_name, volume, expected) => {
    const { volumes, unusableVolumes } = read({ volumes: [volume] });
    expect(unusableVolumes).toEqual([]);
    expect(volumes).toMatchObject([expected]);
  });

  it.each<[string, object, string]>([
    ['no origin', { uuid: ID }, 'volumes[0].origin'],
    ['an origin of no type', { uuid: ID, origin: {} }, 'volumes[0].origin.type'],
    ['no content tree', { uuid: ID, origin: { type: 2 } }, 'volumes[0].origin.downloadContentTreeID'],
  ])('%s is refused', (_name, volume, path) => {
    expect(read({ volumes: [volume] })).toMatchObject({
      volumes: [],
      unusableVolumes: [{ problems: [{ path }] }],
    });
  });
});

describe('network instances', () => {
  it.each([
    ['ZnetInstLocal', 'local'],
    ['ZNetInstLocal', 'local'],
    [2, 'local'],
    ['ZnetInstSwitch', 'switch'],
    [1, 'switch'],
    ['ZNetInstFirst', 'first'],
    [undefined, 'first'],
  ])('of the type %j', (instType, expected) => {
    const { networkInstances } = read({ networkInstances: [{ ...INSTANCE, instType }] });
    expect(networkInstances).toMatchObject([{ instType: expected }]);
  });

  it.each<[string, object, string]>([
    ['an unknown type', { ...INSTANCE, instType: 77 }, 'networkInstances[0].instType'],
    [
      'a bridge that is none',
      { ...INSTANCE, localDatastore: { bridge: '../x' } },
      'networkInstances[0].localDatastore.bridge',
    ],
  ])('%s is refused', (_name, instance, path) => {
    const { unusableNetworkInstances } = read({ networkInstances: [instance] });
    expect(unusableNetworkInstances).toMatchObject([{ problems: [{ path }] }]);
  });
});
