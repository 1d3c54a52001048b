// SPDX-License-Identifier: Apache-2.0
import { contentTreeSchema } from '@local-datastore/shared/eve/content-tree';
import { datastoreConfigSchema } from '@local-datastore/shared/eve/datastore-config';
import { describe, expect, it } from 'vitest';
import { IMAGE_FORMATS } from '../formats/image-description.ts';
import { shellWord, volumeNameOf } from './eden-command.ts';
import { eveFormatOf, eveSettings } from './settings.ts';
import type { EveSettingsInput } from './settings-input.ts';

const SHA256 = 'ab'.repeat(32);
const IMAGE = {
  path: 'linux/disk.qcow2',
  sizeBytes: 5_368_709_120,
  sha256: SHA256,
  format: 'qcow2',
  content: 'qcow2',
  problems: [],
  state: 'ready',
} as const;
const INPUT: EveSettingsInput = {
  image: IMAGE,
  hostName: 'ds.local',
  scheme: 'http',
  port: 80,
  certificatePem: undefined,
  isReadOpen: true,
  advertising: { isReady: true, reasons: [] },
  reachedAt: 'http://10.1.0.5',
};

const codesOf = (input: EveSettingsInput) => eveSettings(input).warnings.map(({ code }) => code);

/** What EVE's downloader asks for: `url.JoinPath(scheme and host of the FQDN, dpath)`, a slash, the URL. */
function urlOfEve({ datastore, content }: ReturnType<typeof eveSettings>): string {
  const directory = new URL(datastore.dpath, `${datastore.fqdn}/`).href.replace(/\/$/, '');
  return new URL(`${directory}/${content.url.replace(/^\/+/, '')}`).href;
}

it('describes an image on port 80 without any warning', () => {
  const settings = eveSettings(INPUT);
  expect(settings.datastore).toEqual({
    dType: 'DsHttp',
    fqdn: 'http://ds.local',
    dpath: '',
    certificatePem: null,
  });
  expect(settings.content).toEqual({
    url: 'linux/disk.qcow2',
    format: 'QCOW2',
    sha256: SHA256,
    maxSizeBytes: 5_368_709_120,
  });
  expect(settings.warnings).toEqual([]);
  expect(settings.edenCommand).toBe(
    'eden volume create http://10.1.0.5/linux/disk.qcow2 --datastoreOverride=http://ds.local --format=qcow2 -n disk.qcow2',
  );
  for (const value of ['http://ds.local\n', 'linux/disk.qcow2', 'QCOW2', SHA256, '5368709120']) {
    expect(settings.text).toContain(value);
  }
});

it('gives a device configuration that EVE reads, with UUIDs that stay', () => {
  const { deviceConfig } = eveSettings(INPUT);
  const [datastore, content] = [deviceConfig.datastores[0], deviceConfig.contentInfo[0]];
  expect(datastoreConfigSchema.parse(datastore)).toMatchObject({ fqdn: 'http://ds.local', dType: 'DsHttp' });
  expect(contentTreeSchema.parse(content)).toMatchObject({
    dsIdsList: [datastore?.id],
    dsId: datastore?.id,
    URL: 'linux/disk.qcow2',
    iformat: 'QCOW2',
    sha256: SHA256,
    maxSizeBytes: 5_368_709_120,
    displayName: 'disk.qcow2',
  });
  expect(eveSettings({ ...INPUT, image: { ...IMAGE, sha256: null } }).deviceConfig.contentInfo[0]?.uuid).toBe(
    content?.uuid,
  );
  const other = eveSettings({ ...INPUT, image: { ...IMAGE, path: 'other' } }).deviceConfig;
  expect(other.datastores[0]?.id).toBe(datastore?.id);
  expect(other.contentInfo[0]?.uuid).not.toBe(content?.uuid);
});

it.each([
  ['disk.img', '/disk.img'],
  ['a/b/c.img', '/a/b/c.img'],
  ['my disk (1).img', '/my%20disk%20(1).img'],
  ['100%?#.img', '/100%25%3F%23.img'],
  ['größe.img', '/gr%C3%B6%C3%9Fe.img'],
])('EVE asks for %j at %s', (path, requested) => {
  const settings = eveSettings({ ...INPUT, image: { ...IMAGE, path } });
  expect(urlOfEve(settings)).toBe(`http://ds.local${requested}`);
});

it("names every format of the catalogue in EVE's words", () => {
  expect(IMAGE_FORMATS.map(eveFormatOf)).toEqual([
    'RAW',
    'QCOW',
    'QCOW2',
    'VHD',
    'VMDK',
    'OVA',
    'VHDX',
    'CONTAINER',
    'ISO',
  ]);
});

it('gives HTTPS with the certificate that EVE has to trust, as PEM and in base64', () => {
  const certificatePem = '-----BEGIN CERTIFICATE-----\n';
  const { datastore, deviceConfig } = eveSettings({ ...INPUT, scheme: 'https', port: 443, certificatePem });
  expect(datastore).toEqual({ dType: 'DsHttps', fqdn: 'https://ds.local', dpath: '', certificatePem });
  expect(deviceConfig.datastores[0]?.dsCertPEM).toEqual([Buffer.from(certificatePem).toString('base64')]);
});

describe('warns', () => {
  it.each<[string, Partial<EveSettingsInput>, string]>([
    ['a port other than 80', { port: 8080 }, 'PORT_IN_FQDN'],
    ['a port other than 443', { scheme: 'https', port: 80 }, 'PORT_IN_FQDN'],
    ['advertising that is off', { advertising: undefined }, 'NOT_ADVERTISED'],
    ['a name conflict', { advertising: { isReady: false, reasons: ['taken'] } }, 'NOT_READY'],
    ['an image that is not hashed', { image: { ...IMAGE, sha256: null } }, 'NOT_HASHED'],
    ['an image that is damaged', { image: { ...IMAGE, state: 'corrupt' } }, 'CORRUPT'],
    ['OVA', { image: { ...IMAGE, format: 'ova', content: 'ova' } }, 'FORMAT_NOT_USABLE'],
    ['VHD', { image: { ...IMAGE, format: 'vhd', content: 'vhd' } }, 'EDEN_FORMAT'],
    [
      'a container archive',
      { image: { ...IMAGE, format: 'container', content: 'container' } },
      'FORMAT_NOT_USABLE',
    ],
    [
      'a compressed file',
      { image: { ...IMAGE, format: 'raw', content: 'raw', path: 'disk.img.xz' } },
      'COMPRESSED',
    ],
    ['a name with spaces', { image: { ...IMAGE, path: 'my disk.img' } }, 'PERCENT_ENCODED'],
    ['closed reading', { isReadOpen: false }, 'READ_CREDENTIAL'],
    ['an address that nobody named', { reachedAt: undefined }, 'EDEN_UNREACHABLE'],
  ])('of %s', (_, change, code) => {
    expect(codesOf({ ...INPUT, ...change })).toContain(code);
  });

  it.each([
    ['disk.qcow2', 'raw'],
    ['disk.QCOW2', 'raw'],
    ['disk.qcow2', 'qcow'],
    ['disk.raw', 'qcow2'],
    ['a.b/disk.vhd', 'vhdx'],
    ['disk.vhdx', 'vhd'],
    ['disk.vmdk', 'ova'],
    ['disk.ova', 'container'],
    ['installer.iso', 'raw'],
  ] as const)('of the name %s where the content is %s', (path, format) => {
    const { warnings } = eveSettings({ ...INPUT, image: { ...IMAGE, path, format, content: format } });
    const warning = warnings.find(({ code }) => code === 'NAME_CONTRADICTS_FORMAT');
    expect(warning?.message).toContain(
      `The name ends in ".${path.split('.').at(-1)?.toLowerCase()}", but the content is ${format},`,
    );
  });

  it.each([
    ['disk.qcow2', 'qcow2'],
    ['disk.qcow', 'qcow2'],
    ['disk.img', 'qcow2'],
    ['disk', 'raw'],
    ['qcow2', 'raw'],
    ['disk.qcow2/disk', 'raw'],
    ['disk.qcow2.img', 'raw'],
    ['disk.constructor', 'raw'],
    ['folder/.iso', 'raw'],
  ] as const)('not of the name %s where the content is %s', (path, format) => {
    expect(codesOf({ ...INPUT, image: { ...IMAGE, path, format, content: format } })).toEqual([]);
  });

  it.each([
    ['disk.raw', 'vdi', 'NOT_AN_IMAGE'],
    ['disk.img', 'gzip', 'COMPRESSED'],
    ['disk.img.gz', 'gzip', 'COMPRESSED'],
  ] as const)('of the content of %s that is %s, once', (path, content, code) => {
    const problems = [{ code, message: 'why' }];
    const image = { ...IMAGE, path, format: 'raw', content, problems } as const;
    expect(eveSettings({ ...INPUT, image }).warnings).toEqual(problems);
  });

  it.each([
    ['live.img', ['HYBRID_ISO']],
    ['live.raw', ['HYBRID_ISO']],
    ['live.iso', []],
    ['live', []],
  ])('of what a hybrid named %s can be registered as: %j', (path, codes) => {
    const image = { ...IMAGE, path, format: 'iso', content: 'hybrid-iso' } as const;
    expect(codesOf({ ...INPUT, image })).toEqual(codes);
  });

  it('never calls a file damaged that is another than its name says', () => {
    const image = { ...IMAGE, path: 'disk.qcow2', format: 'raw', content: 'raw' } as const;
    expect(eveSettings({ ...INPUT, image }).warnings[0]?.message).not.toMatch(/damaged|corrupt/i);
  });

  it('says why the name is not advertised', () => {
    const advertising = { isReady: false, reasons: ['10.1.0.9 uses the name ds.local'] };
    expect(eveSettings({ ...INPUT, advertising }).warnings[0]?.message).toContain('10.1.0.9 uses the name');
  });

  it('shows the port, for EVE would not find the datastore without it either', () => {
    expect(eveSettings({ ...INPUT, port: 8080 }).datastore.fqdn).toBe('http://ds.local:8080');
  });
});

it.each([
  ['http://ds.local/a%20b', 'http://ds.local/a%20b'],
  ["it's", "'it'\\''s'"],
  ['a(b)', "'a(b)'"],
  ['http://[fd00::1]:80/a', "'http://[fd00::1]:80/a'"],
])('quotes %s for a shell', (word, quoted) => {
  expect(shellWord(word)).toBe(quoted);
});

it.each([
  ['linux/disk.qcow2', 'disk.qcow2'],
  ['my disk (1).img', 'my-disk-1-.img'],
  ['größe', 'gr-e'],
  ['...', 'image'],
  [`${'a'.repeat(100)}.img`, 'a'.repeat(63)],
])('names the volume of %s', (path, name) => {
  expect(volumeNameOf(path)).toBe(name);
});
