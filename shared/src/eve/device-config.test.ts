import { describe, expect, it } from 'vitest';
import { contentTreeSchema, FORMATS } from './content-tree.ts';
import { DS_TYPES, datastoreConfigSchema } from './datastore-config.ts';
import { parseDeviceConfig } from './device-config.ts';

const ID = 'fa78153c-e215-5397-bfa7-514264cdf4dd';
const SHA256 = 'ab'.repeat(32);

describe('DatastoreConfig', () => {
  it.each([
    ['DsHttps', 'DsHttps'],
    [2, 'DsHttps'],
    [0, 'DsUnknown'],
  ])('reads dType %j', (dType, name) => {
    const parsed = datastoreConfigSchema.parse({ id: ID, dType, fqdn: 'https://ds.local', region: 'x' });
    expect(parsed).toMatchObject({ dType: name, dpath: '', region: 'x' });
  });

  it.each(['DsFtp', 8, -1, 1.5, null])('refuses dType %j, and says what there is', (dType) => {
    const { error } = datastoreConfigSchema.safeParse({ id: ID, dType, fqdn: 'http://ds.local' });
    expect(error?.issues[0]?.message).toContain('one of DsUnknown, DsHttp,');
  });

  it('takes certificates in base64 alone, as bytes stand in JSON', () => {
    const config = { id: ID, dType: 'DsHttps', fqdn: 'https://ds.local' };
    expect(datastoreConfigSchema.safeParse({ ...config, dsCertPEM: ['UEVN'] }).success).toBe(true);
    expect(datastoreConfigSchema.safeParse({ ...config, dsCertPEM: ['-----BEGIN'] }).success).toBe(false);
  });

  it("numbers the types as EVE's protobuf does", () => {
    expect(DS_TYPES.indexOf('DsHttp')).toBe(1);
    expect(DS_TYPES.indexOf('DsContainerRegistry')).toBe(5);
    expect(FORMATS.indexOf('QCOW2')).toBe(3);
    expect(FORMATS.indexOf('ISO')).toBe(9);
  });
});

describe('a UUID', () => {
  const configOf = (id: string) => ({
    datastores: [{ id, dType: 'DsHttp', fqdn: 'http://ds.local' }],
    contentInfo: [{ uuid: id, dsIdsList: [id], URL: 'a', iformat: 'RAW', sha256: SHA256, maxSizeBytes: '1' }],
  });
  const parse = (id: string) => parseDeviceConfig([{ name: '', document: configOf(id) }]);

  it.each(['00000000-0000-0000-0000-000000000001', 'FA78153C-E215-0397-0fa7-514264cdf4dd'])(
    '%s is taken, whatever its version',
    (id) => expect(parse(id)).toMatchObject({ isValid: true, config: { datastores: [{ id }] } }),
  );

  it.each(['', 'ds', 'fa78153ce2155397bfa7514264cdf4dd', `${ID}/..`, `${ID}\n`])('%j is refused', (id) => {
    const parsed = parse(id);
    const problems = parsed.isValid ? [] : parsed.problems;
    expect(problems.map(({ path }) => path)).toEqual([
      'datastores[0].id',
      'contentInfo[0].uuid',
      'contentInfo[0].dsIdsList[0]',
    ]);
    expect(problems[0]?.message).toContain('a UUID expected');
  });
});

describe('what protobuf leaves out of JSON', () => {
  const tree = { uuid: ID, dsIdsList: [ID], URL: 'a.img', iformat: 'RAW', sha256: SHA256, maxSizeBytes: '1' };
  const parse = (datastore: object, contentTree: object) =>
    parseDeviceConfig([{ name: '', document: { datastores: [datastore], contentInfo: [contentTree] } }]);

  it('takes null for absent, the host of a cloud for none, and the size of a container for unknown', () => {
    const cloud = { id: ID, dType: 'DsS3', region: null, dsCertPEM: null, password: null };
    const image = { uuid: ID, dsIdsList: null, dsId: ID, URL: 'x', iformat: 8, sha256: null };
    expect(parse(cloud, image)).toMatchObject({
      isValid: true,
      config: {
        datastores: [{ dType: 'DsS3', fqdn: '' }],
        contentInfo: [{ dsIdsList: [], dsId: ID, sha256: '', maxSizeBytes: 0 }],
      },
    });
  });

  it.each([
    [{ id: ID, dType: 'DsHttp' }, tree, 'datastores[0].fqdn'],
    [{ id: ID, dType: 1, fqdn: null }, tree, 'datastores[0].fqdn'],
    [{ id: ID, dType: 'DsS3' }, { ...tree, maxSizeBytes: null }, 'contentInfo[0].maxSizeBytes'],
    [{ id: ID, dType: 'DsS3' }, [], 'contentInfo[0]'],
  ])('refuses %j with %j for %s, which is needed', (datastore, contentTree, path) => {
    expect(parse(datastore, contentTree)).toMatchObject({ isValid: false, problems: [{ path }] });
  });
});

describe('ContentTree', () => {
  const tree = { uuid: ID, dsIdsList: [ID], URL: 'a.img', iformat: 'RAW', sha256: SHA256, maxSizeBytes: '1' };

  it.each([
    ['5368709120', 5368709120],
    [5368709120, 5368709120],
    ['0', 0],
  ])('reads the size %j', (maxSizeBytes, sizeBytes) => {
    expect(contentTreeSchema.parse({ ...tree, maxSizeBytes }).maxSizeBytes).toBe(sizeBytes);
  });

  it.each(['', '-1', '1e3', '9007199254740993', 1.5, -1, null])('refuses the size %j', (maxSizeBytes) => {
    expect(contentTreeSchema.safeParse({ ...tree, maxSizeBytes }).success).toBe(false);
  });

  it.each(['ab', 'xy'.repeat(32), `${SHA256}0`])('refuses the sha256 %j', (sha256) => {
    expect(contentTreeSchema.safeParse({ ...tree, sha256 }).success).toBe(false);
  });

  it('may lack the sha256, as an image of a registry may', () => {
    const { sha256: _without, ...rest } = tree;
    expect(contentTreeSchema.parse(rest).sha256).toBe('');
  });
});

describe('a device configuration', () => {
  const datastore = { id: ID, dType: 'DsHttp', fqdn: 'http://ds.local' };
  const tree = { uuid: ID, dsIdsList: [ID], URL: 'a.img', iformat: 'RAW', sha256: SHA256, maxSizeBytes: '1' };
  const parse = (...documents: unknown[]) =>
    parseDeviceConfig(
      documents.map((document, i) => ({ name: documents.length > 1 ? `${i}.json` : '', document })),
    );
  const problemsOf = (...documents: unknown[]) => {
    const parsed = parse(...documents);
    return parsed.isValid ? [] : parsed.problems.map(({ path }) => path);
  };

  it('leaves fields alone that it does not know', () => {
    const document = {
      datastores: [datastore],
      contentInfo: [tree],
      apps: [{}],
      id: { uuid: 'x' },
      datastoresX: 1,
    };
    expect(parse(document)).toMatchObject({ isValid: true, config: { contentInfo: [{ URL: 'a.img' }] } });
    expect(parse({})).toEqual({ isValid: true, config: { datastores: [], contentInfo: [] } });
    expect(parse({ datastores: null, contentInfo: null }).isValid).toBe(true);
  });

  it('names every wrong field by its path', () => {
    const wrong = [tree, tree, { ...tree, sha256: 'x', maxSizeBytes: -1 }];
    expect(problemsOf({ datastores: [{ ...datastore, dType: 99 }], contentInfo: wrong })).toEqual([
      'datastores[0].dType',
      'contentInfo[2].sha256',
      'contentInfo[2].maxSizeBytes',
    ]);
    expect(problemsOf({ contentInfo: 5 })).toEqual(['contentInfo']);
    expect(problemsOf([])).toEqual(['']);
  });

  it('wants uuids once, a digest, and a datastore', () => {
    const other = { ...tree, uuid: SHA256.slice(0, 8) + ID.slice(8), sha256: '', dsIdsList: [] };
    expect(problemsOf({ datastores: [datastore, datastore], contentInfo: [tree, tree, other] })).toEqual([
      'datastores[1].id',
      'contentInfo[1].uuid',
      'contentInfo[2].sha256',
      'contentInfo[2].dsIdsList',
    ]);
    const image = { ...tree, sha256: '', iformat: 'CONTAINER' };
    expect(problemsOf({ contentInfo: [image] })).toEqual([]);
  });

  it('is put together from fragments, whose names stand before the paths', () => {
    expect(parse({ datastores: [datastore] }, { contentInfo: [tree] })).toMatchObject({ isValid: true });
    expect(problemsOf({ contentInfo: [tree] }, { contentInfo: [tree] })).toEqual([
      '1.json: contentInfo[0].uuid',
    ]);
    expect(problemsOf({ contentInfo: [tree] }, { datastores: [{}] })[0]).toBe('1.json: datastores[0].id');
  });
});
