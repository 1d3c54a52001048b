// SPDX-License-Identifier: Apache-2.0
/** The configuration table: one entry a row, as controllers, eden and people write it, and what is made of it. */
import { describe, expect, it } from 'vitest';
import { NO_LISTS } from './config-document.ts';
import { FORMATS } from './content-tree.ts';
import { DS_TYPES } from './datastore-config.ts';
import { readDeviceConfig } from './device-config.ts';

const ID = 'fa78153c-e215-5397-bfa7-514264cdf4dd';
const OTHER = 'fa78153c-e215-5397-bfa7-514264cdf4de';
const SHA256 = 'ab'.repeat(32);
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB+/8=\n-----END CERTIFICATE-----\n';
const PEM64 = Buffer.from(PEM).toString('base64');
const URL_SAFE = PEM64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

const DATASTORE = { id: ID, dType: 'DsHttp', fqdn: 'http://ds.local' };
const TREE = { uuid: ID, dsIdsList: [ID], URL: 'a.img', iformat: 'RAW', sha256: SHA256, maxSizeBytes: '5' };
const without = <Key extends string>(item: object, ...keys: Key[]) =>
  Object.fromEntries(Object.entries(item).filter(([key]) => !keys.includes(key as Key)));

const read = (lists: { datastores?: readonly unknown[]; contentInfo?: readonly unknown[] }, name = '') =>
  readDeviceConfig([{ name, lists: { ...NO_LISTS, ...lists } }]);
const problemsOf = (items: readonly { readonly problems: readonly { path: string; message: string }[] }[]) =>
  items.flatMap(({ problems }) => problems.map(({ path }) => path));

describe('a content tree is read', () => {
  it.each<[string, object, object]>([
    ['as a controller writes it', TREE, { iformat: 'RAW', maxSizeBytes: 5, sha256: SHA256, dsIdsList: [ID] }],
    [
      'with the list as eden prints it',
      { ...without(TREE, 'dsIdsList'), ds_ids_list: [OTHER, ID] },
      { dsIdsList: [OTHER, ID] },
    ],
    [
      'with the list in the case of another program',
      { ...without(TREE, 'dsIdsList'), DsIdsList: [ID] },
      { dsIdsList: [ID] },
    ],
    ['with both spellings, alike', { ...TREE, ds_ids_list: [ID] }, { dsIdsList: [ID] }],
    ['with both spellings, one of them null', { ...TREE, ds_ids_list: null }, { dsIdsList: [ID] }],
    [
      'with every field in the other spelling',
      {
        uuid: ID,
        ds_id: OTHER,
        ds_ids_list: [ID],
        url: 'b',
        i_format: 3,
        sha_256: SHA256,
        max_size_bytes: 7,
        display_name: 'd',
        generation_count: '2',
      },
      {
        dsId: OTHER,
        dsIdsList: [ID],
        URL: 'b',
        iformat: 'QCOW2',
        sha256: SHA256,
        maxSizeBytes: 7,
        displayName: 'd',
        generationCount: 2,
      },
    ],
    [
      'with the one datastore of old configurations',
      { ...without(TREE, 'dsIdsList'), dsId: ID },
      { dsIdsList: [], dsId: ID },
    ],
    ['with ids that are none among others', { ...TREE, dsIdsList: ['x', ID] }, { dsIdsList: ['x', ID] }],
    ['with a format by number', { ...TREE, iformat: 9 }, { iformat: 'ISO' }],
    ['without its format, which is 0', without(TREE, 'iformat'), { iformat: 'FmtUnknown' }],
    ['without its size, which is 0', without(TREE, 'maxSizeBytes'), { maxSizeBytes: 0 }],
    [
      'with null for what is absent',
      { ...TREE, iformat: null, maxSizeBytes: null, displayName: null, dsId: null },
      { iformat: 'FmtUnknown', maxSizeBytes: 0 },
    ],
    ['with the size 0', { ...TREE, maxSizeBytes: '0' }, { maxSizeBytes: 0 }],
    ['with a size as a number', { ...TREE, maxSizeBytes: 5368709120 }, { maxSizeBytes: 5368709120 }],
    ['with a size as a text', { ...TREE, maxSizeBytes: '5368709120' }, { maxSizeBytes: 5368709120 }],
    ['with a size with an exponent', { ...TREE, maxSizeBytes: '1e3' }, { maxSizeBytes: 1000 }],
    ['with a size with a fraction of nothing', { ...TREE, maxSizeBytes: '10.0' }, { maxSizeBytes: 10 }],
    [
      'with a count of 64 bits',
      { ...TREE, generationCount: '9223372036854775807' },
      { generationCount: 2 ** 63 },
    ],
    ['with a negative count', { ...TREE, generationCount: -1 }, { generationCount: -1 }],
    [
      'with a digest in upper case',
      { ...TREE, sha256: SHA256.toUpperCase() },
      { sha256: SHA256.toUpperCase() },
    ],
    [
      'with a uuid of no known version',
      { ...TREE, uuid: 'FA78153C-E215-0397-0fa7-514264cdf4dd' },
      { URL: 'a.img' },
    ],
    [
      'with a uuid of small numbers',
      { ...TREE, uuid: '00000000-0000-0000-0000-000000000001' },
      { URL: 'a.img' },
    ],
    [
      'of a registry, without digest and size',
      { ...without(TREE, 'sha256', 'maxSizeBytes'), iformat: 8 },
      { iformat: 'CONTAINER', sha256: '', maxSizeBytes: 0 },
    ],
    [
      'with fields that nobody knows yet',
      { ...TREE, siginfo: null, customMetaData: { a: 1 }, next: [1] },
      { URL: 'a.img' },
    ],
  ])('%s', (_name, tree, expected) => {
    const { contentInfo, unusableTrees } = read({ contentInfo: [tree] });
    expect(unusableTrees).toEqual([]);
    expect(contentInfo).toMatchObject([expected]);
  });
});

describe('a content tree that cannot be used has a place, a reason, and stops no other', () => {
  it.each<[string, unknown, string, string]>([
    ['a format of a newer controller', { ...TREE, iformat: 99 }, 'iformat', 'one of FmtUnknown, RAW'],
    ['a format of another name', { ...TREE, iformat: 'RAW2' }, 'iformat', 'one of FmtUnknown, RAW'],
    ['a PVC', { ...TREE, iformat: 10 }, 'iformat', 'a PVC is made on the device'],
    ['no digest', without(TREE, 'sha256'), 'sha256', 'only an image of a container registry'],
    ['half a digest', { ...TREE, sha256: 'ab' }, 'sha256', '64 hexadecimal digits'],
    ['a digest of other letters', { ...TREE, sha256: 'xy'.repeat(32) }, 'sha256', '64 hexadecimal digits'],
    ['a size below 0', { ...TREE, maxSizeBytes: '-1' }, 'maxSizeBytes', 'a whole number'],
    ['a size beyond 2^53', { ...TREE, maxSizeBytes: '9007199254740993' }, 'maxSizeBytes', 'of at most 2^53'],
    ['half a byte', { ...TREE, maxSizeBytes: 1.5 }, 'maxSizeBytes', 'a whole number'],
    ['a size in words', { ...TREE, maxSizeBytes: '5G' }, 'maxSizeBytes', 'a whole number'],
    ['an empty size', { ...TREE, maxSizeBytes: '' }, 'maxSizeBytes', 'a whole number'],
    ['no datastore', { ...TREE, dsIdsList: [] }, 'dsIdsList', 'at least one datastore'],
    ['a text for a list of datastores', { ...TREE, dsIdsList: ID }, 'dsIdsList', 'expected array'],
    ['two lists that differ', { ...TREE, ds_ids_list: [OTHER] }, 'dsIdsList', 'given twice'],
    ['no path', without(TREE, 'URL'), 'URL', 'path in its datastore'],
    ['a number for a name', { ...TREE, displayName: 7 }, 'displayName', 'expected string'],
  ])('%s', (_name, tree, field, words) => {
    const good = { ...TREE, uuid: OTHER };
    const { contentInfo, unusableTrees } = read({ contentInfo: [tree, good] }, 'b.json');
    expect(contentInfo).toMatchObject([{ uuid: OTHER }]);
    expect(unusableTrees).toMatchObject([{ id: ID }]);
    const [problem] = unusableTrees[0]?.problems ?? [];
    expect(problem?.path).toBe(`b.json: contentInfo[0].${field}`);
    expect(problem?.message).toContain(words);
  });

  it.each<[string, unknown, string]>([
    ['null', null, ''],
    ['a text', 'x', ''],
    ['a list', [TREE], ''],
    ['nothing', {}, ''],
    ['no uuid', { ...without(TREE, 'uuid'), displayName: 'mine' }, 'mine'],
    ['a uuid without dashes', { ...TREE, uuid: ID.replaceAll('-', ''), display_name: 'mine' }, 'mine'],
    ['a uuid with a path', { ...TREE, uuid: `${ID}/..` }, ''],
    ['a uuid with a line break', { ...TREE, uuid: `${ID}\n` }, ''],
    ['a number for a uuid', { ...TREE, uuid: 5 }, ''],
    ['a long name', { displayName: 'x'.repeat(5000) }, 'x'.repeat(200)],
  ])('and without a uuid that can be used its place for a name: %s', (_name, tree, displayName) => {
    const { contentInfo, unusableTrees } = read({ contentInfo: [{ ...TREE, uuid: OTHER }, tree] });
    expect(contentInfo.length).toBe(1);
    expect(unusableTrees).toMatchObject([{ id: 'contentInfo[1]', displayName }]);
    expect(unusableTrees[0]?.problems.length).toBeGreaterThan(0);
  });

  it.each<[string, object[], string[], string[]]>([
    ['the first of two alike counts', [TREE, TREE], ['a.img'], ['contentInfo[1]']],
    ['in any case of letters', [TREE, { ...TREE, uuid: ID.toUpperCase() }], ['a.img'], ['contentInfo[1]']],
    [
      'one that can be used before one that cannot',
      [{ ...TREE, sha256: 'x' }, TREE],
      ['a.img'],
      ['contentInfo[0]'],
    ],
    [
      'of two that cannot the first has the uuid',
      [
        { ...TREE, sha256: 'x' },
        { ...TREE, URL: '' },
      ],
      [],
      [ID, 'contentInfo[1]'],
    ],
  ])('where uuids repeat: %s', (_name, trees, urls, ids) => {
    const { contentInfo, unusableTrees } = read({ contentInfo: trees });
    expect(contentInfo.map(({ URL: url }) => url)).toEqual(urls);
    expect(unusableTrees.map(({ id }) => id)).toEqual(ids);
  });
});

describe('a datastore is read', () => {
  it.each<[string, object, object]>([
    ['as a controller writes it', DATASTORE, { dType: 'DsHttp', fqdn: 'http://ds.local', dpath: '' }],
    ['with its type by number, as eden prints it', { ...DATASTORE, dType: 2 }, { dType: 'DsHttps' }],
    [
      'with every field in the other spelling',
      {
        id: ID,
        d_type: 1,
        FQDN: 'http://x',
        api_key: 'a',
        Password: 'b',
        d_path: 'c',
        ds_cert_pem: [PEM64],
        cipher_data: { x: 1 },
      },
      {
        dType: 'DsHttp',
        fqdn: 'http://x',
        apiKey: 'a',
        password: 'b',
        dpath: 'c',
        dsCertPEM: [PEM64],
        cipherData: { x: 1 },
      },
    ],
    ['without its type, which is 0', without(DATASTORE, 'dType'), { dType: 'DsUnknown' }],
    ['without a host, as of a cloud', { id: ID, dType: 'DsS3', region: 'x' }, { fqdn: '', region: 'x' }],
    [
      'with null for what is absent',
      { ...DATASTORE, dpath: null, dsCertPEM: null, apiKey: null },
      { dpath: '' },
    ],
    ['with certificates in base64', { ...DATASTORE, dsCertPEM: [PEM64] }, { dsCertPEM: [PEM64] }],
    ['without padding', { ...DATASTORE, dsCertPEM: [PEM64.replace(/=+$/, '')] }, { dsCertPEM: [PEM64] }],
    ['in the alphabet of URLs', { ...DATASTORE, dsCertPEM: [URL_SAFE] }, { dsCertPEM: [PEM64] }],
    [
      'broken into lines',
      { ...DATASTORE, dsCertPEM: [`${PEM64.slice(0, 40)}\r\n${PEM64.slice(40)}\n`] },
      { dsCertPEM: [PEM64] },
    ],
    ['as PEM', { ...DATASTORE, dsCertPEM: [PEM, PEM64] }, { dsCertPEM: [PEM64, PEM64] }],
  ])('%s', (_name, datastore, expected) => {
    const { datastores, unusableDatastores } = read({ datastores: [datastore] });
    expect(unusableDatastores).toEqual([]);
    expect(datastores).toMatchObject([expected]);
  });

  it.each<[string, unknown, string | null, string]>([
    ['a type of a newer controller', { ...DATASTORE, dType: 8 }, ID, 'dType'],
    ['a type of another name', { ...DATASTORE, dType: 'DsFtp' }, ID, 'dType'],
    ['a type that is no number', { ...DATASTORE, dType: -1.5 }, ID, 'dType'],
    [
      'a certificate that is no base64',
      { ...DATASTORE, dsCertPEM: [PEM64, 'no certificate!'] },
      ID,
      'dsCertPEM[1]',
    ],
    ['base64 cut short', { ...DATASTORE, dsCertPEM: ['abcde'] }, ID, 'dsCertPEM[0]'],
    ['a number for a password', { ...DATASTORE, password: 5 }, ID, 'password'],
    ['no id', without(DATASTORE, 'id'), null, 'id'],
    ['an id that is none', { ...DATASTORE, id: 'ds' }, null, 'id'],
    ['two hosts', { ...DATASTORE, FQDN: 'http://other.local' }, ID, 'fqdn'],
  ])('or concerns nobody but those that name it: %s', (_name, datastore, id, field) => {
    const { datastores, unusableDatastores } = read({ datastores: [datastore, { ...DATASTORE, id: OTHER }] });
    expect(datastores).toMatchObject([{ id: OTHER }]);
    expect(unusableDatastores).toMatchObject([{ id }]);
    expect(problemsOf(unusableDatastores)).toEqual([`datastores[0].${field}`]);
  });

  it.each<[string, object[], string[]]>([
    ['the same in several files', [DATASTORE, DATASTORE], []],
    ['the same, spelled otherwise', [DATASTORE, { ...without(DATASTORE, 'dType'), d_type: 1 }], []],
    ['two that differ', [DATASTORE, { ...DATASTORE, fqdn: 'http://b.local' }], ['datastores[1].id']],
  ])('once, the first: %s', (_name, entries, problems) => {
    const { datastores, unusableDatastores } = read({ datastores: entries });
    expect(datastores).toMatchObject([{ fqdn: 'http://ds.local' }]);
    expect(problemsOf(unusableDatastores)).toEqual(problems);
  });
});

it('no value stands in a message: it may be a secret', () => {
  const hidden = Object.fromEntries(
    Object.keys({ ...DATASTORE, ...TREE }).map((key) => [key, { hidden: 'hidden' }]),
  );
  const texts = { ...DATASTORE, dType: 'hidden', password: ['hidden'], dsCertPEM: ['hidden!'] };
  const { unusableDatastores, unusableTrees } = read({ datastores: [hidden, texts], contentInfo: [hidden] });
  expect([unusableDatastores.length, unusableTrees.length]).toEqual([2, 1]);
  expect(JSON.stringify([unusableDatastores, unusableTrees])).not.toContain('hidden');
});

it("numbers types and formats as EVE's protobuf does", () => {
  expect(DS_TYPES.indexOf('DsHttp')).toBe(1);
  expect(DS_TYPES.indexOf('DsContainerRegistry')).toBe(5);
  expect([FORMATS.indexOf('QCOW2'), FORMATS.indexOf('ISO'), FORMATS.indexOf('PVC')]).toEqual([3, 9, 10]);
});
