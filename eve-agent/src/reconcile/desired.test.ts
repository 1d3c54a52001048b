// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { planDesired } from './desired.ts';
import { buildSource, joinSourceUrl } from './source.ts';
import { configOf, datastoreIdOf, datastoreOf, desiredOf, treeOf, uuidOf } from './test-fixtures.ts';

describe('the URL of a file', () => {
  it.each([
    ['http://ds.local', '', 'a.img', 'http://ds.local/a.img'],
    ['http://ds.local/', 'images', '/a.img', 'http://ds.local/images/a.img'],
    ['http://ds.local/dropped/path', '/x/y/', 'b/a.img', 'http://ds.local/x/y/b/a.img'],
    ['https://ds.local:8443', 'x', 'a%20b.img?v=1', 'https://ds.local:8443/x/a%20b.img?v=1'],
  ])('%s, %s and %s: %s', (fqdn, dpath, url, joined) => {
    expect(joinSourceUrl(fqdn, dpath, url).href).toBe(joined);
  });

  it.each(['ds.local', 'ftp://ds.local', 'http://user:pw@ds.local', ''])('refuses the fqdn %j', (fqdn) => {
    expect(() => joinSourceUrl(fqdn, '', 'a')).toThrow();
  });
});

describe('a source', () => {
  const build = (more: object, allowPlainCredentials = false) => {
    const [datastore] = configOf([], [datastoreOf(1, more)]).datastores;
    if (datastore === undefined) throw new Error('no datastore');
    return buildSource(
      datastore,
      { URL: 'a.img', maxSizeBytes: 1, iformat: 'RAW', sha256: '' },
      { allowPlainCredentials },
    );
  };

  it('sends apiKey and password as EVE does, and only encrypted unless that is allowed', () => {
    const credentials = { apiKey: 'Bearer', password: 'secret' };
    const https = { fqdn: 'https://ds.local', dType: 'DsHttps' };
    expect(build({ ...credentials, ...https })).toMatchObject({ authorization: 'Bearer secret' });
    expect(build(credentials, true)).toMatchObject({ authorization: 'Bearer secret' });
    const refusal = build(credentials);
    expect(refusal).toContain('--allow-plain-credentials');
    expect(refusal).not.toContain('secret');
    expect(build({})).toMatchObject({ authorization: null, isLocal: true, host: 'ds1.local' });
  });

  it.each([
    [{ dType: 'DsS3' }, 'dType DsS3 is not supported'],
    [{ apiKey: 'a\r\nX: y' }, 'printable ASCII'],
    [{ dsCertPEM: ['bm8='] }, 'dsCertPEM[0] holds no PEM certificate'],
    [{ fqdn: 'ds.local' }, 'is not a URL'],
  ])('refuses %j', (more, why) => {
    expect(build(more, true)).toContain(why);
  });

  it('has another key when anything about it changes', () => {
    const keyOf = (more: object) => {
      const source = build(more, true);
      return typeof source === 'string' ? source : source.key;
    };
    expect(keyOf({})).toBe(keyOf({ region: 'x' }));
    const keys = [
      keyOf({}),
      keyOf({ dpath: 'x' }),
      keyOf({ apiKey: 'x' }),
      keyOf({ fqdn: 'http://other.local' }),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

describe('what a configuration asks for', () => {
  it('names files by display name where that is safe and unique, by uuid otherwise', () => {
    const names = ['good.img', 'same', 'same', '../evil', '.hidden', '', uuidOf(9), 'tab\t'];
    const { trees } = desiredOf(names.map((displayName, i) => treeOf(i, { displayName })));
    expect([...trees.values()].map(({ name }) => name)).toEqual([
      'good.img',
      ...[1, 2, 3, 4, 5, 6, 7].map(uuidOf),
    ]);
  });

  it('keeps the order of datastores, and says why one cannot be used', () => {
    const config = configOf(
      [treeOf(1, { dsIdsList: [datastoreIdOf(3), datastoreIdOf(2), datastoreIdOf(1)] })],
      [datastoreOf(1), datastoreOf(2, { dType: 'DsSFTP' })],
    );
    const tree = planDesired(config, { allowPlainCredentials: false }).trees.get(uuidOf(1));
    expect(tree?.sources.map(({ datastoreId }) => datastoreId)).toEqual([datastoreIdOf(1)]);
    expect(tree?.problems).toEqual([
      `datastore ${datastoreIdOf(3)} is not in the configuration`,
      expect.stringContaining('DsSFTP is not supported'),
    ]);
  });

  it('takes the one datastore of old configurations', () => {
    const { trees } = desiredOf([treeOf(1, { dsIdsList: [], dsId: datastoreIdOf(1) })]);
    expect(trees.get(uuidOf(1))?.sources.length).toBe(1);
  });
});
