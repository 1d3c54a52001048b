// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createActual } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import { type Desired, planDesired, withResolutions } from './desired.ts';
import type { ImageResolution } from './image-resolution.ts';
import { planLinks } from './plan-links.ts';
import { buildSource } from './source.ts';
import { statusDocument } from './status-document.ts';
import {
  configOf,
  datastoreIdOf,
  datastoreOf,
  desiredOf,
  sha256Of,
  treeOf,
  uuidOf,
} from './test-fixtures.ts';
import type { ContentState } from './transitions.ts';

const registryOf = (number: number, more: object = {}) =>
  datastoreOf(number, { dType: 'DsContainerRegistry', fqdn: `docker://ds${number}.local`, ...more });
const imageOf = (number: number, more: object = {}) =>
  treeOf(number, { iformat: 'CONTAINER', URL: `app:${number}`, sha256: '', maxSizeBytes: '0', ...more });
const HEX = sha256Of('an image');
const [MANIFEST, SHARED, ONE, TWO] = ['manifest', 'shared', 'one', 'two'].map(sha256Of) as [
  string,
  string,
  string,
  string,
];
const resolutionOf = (layer: string, manifest = MANIFEST): ImageResolution => ({
  digest: `sha256:${HEX}`,
  manifest: { digest: `sha256:${manifest}`, sha256: manifest, mediaType: 'm', sizeBytes: 100 },
  blobs: [
    { sha256: SHARED, sizeBytes: 1000 },
    { sha256: layer, sizeBytes: 10 },
  ],
});

describe('the source of an image', () => {
  const build = (more: object, tree: object, allowPlainCredentials = true) => {
    const config = configOf([imageOf(1, tree)], [registryOf(1, more)]);
    const [[datastore], [content]] = [config.datastores, config.contentInfo];
    if (datastore === undefined || content === undefined) throw new Error('no configuration');
    return buildSource(datastore, content, { allowPlainCredentials });
  };

  it.each([
    [{}, { URL: 'app:1' }, 'http://ds1.local/v2/app/manifests/1'],
    [{ dType: 5 }, { URL: 'app' }, 'http://ds1.local/v2/app/manifests/latest'],
    [{ dpath: 'a/b' }, { URL: '/app:1' }, 'http://ds1.local/v2/a/b/app/manifests/1'],
    [{ fqdn: 'docker://ds.local/a/', dpath: '/b/' }, { URL: 'c:1' }, 'http://ds.local/v2/a/b/c/manifests/1'],
    [{ fqdn: 'ds.local:5000' }, { URL: 'app:1' }, 'http://ds.local:5000/v2/app/manifests/1'],
    [{ fqdn: 'https://ds.local' }, { URL: 'app:1' }, 'https://ds.local/v2/app/manifests/1'],
    [{ fqdn: 'docker://r.example' }, { URL: 'app:1' }, 'https://r.example/v2/app/manifests/1'],
    [{ fqdn: 'http://r.example' }, { URL: 'app:1' }, 'http://r.example/v2/app/manifests/1'],
    [
      { fqdn: 'docker://docker.io' },
      { URL: 'alpine:3' },
      'https://registry-1.docker.io/v2/library/alpine/manifests/3',
    ],
    [{}, { URL: 'app:1', sha256: HEX.toUpperCase() }, `http://ds1.local/v2/app/manifests/sha256:${HEX}`],
    [{}, { URL: `app:1@sha256:${HEX}` }, `http://ds1.local/v2/app/manifests/sha256:${HEX}`],
    [{}, { URL: `app@sha256:${HEX}`, sha256: HEX }, `http://ds1.local/v2/app/manifests/sha256:${HEX}`],
  ])('of %j and %j is %s', (datastore, tree, href) => {
    const source = build(datastore, tree);
    expect(source).toMatchObject({ registry: { kind: 'image' } });
    expect(typeof source === 'string' ? source : source.url.href).toBe(href);
  });

  it.each([
    [{}, { URL: 'App:1' }, 'lower case'],
    [{}, { URL: `app@sha256:${HEX}`, sha256: MANIFEST }, 'sha256 is'],
    [{}, { iformat: 'RAW', sha256: HEX }, 'iformat CONTAINER, not RAW'],
    [{ fqdn: 'ftp://ds.local' }, {}, 'docker, http or https expected, not ftp'],
    [{ fqdn: 'docker://user:pw@ds.local' }, {}, 'holds a user name'],
  ])('is refused for %j and %j', (datastore, tree, why) => {
    expect(build(datastore, tree)).toContain(why);
  });

  it('gives apiKey and password as those of a user, and only encrypted unless that is allowed', () => {
    const credential = { apiKey: 'user', password: 'secret' };
    const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(build(credential, {})).toMatchObject({ authorization });
    expect(build({ ...credential, fqdn: 'docker://r.example' }, {}, false)).toMatchObject({ authorization });
    expect(build(credential, {}, false)).toContain('--allow-plain-credentials');
  });
});

describe('the parts of images', () => {
  const options = { allowPlainCredentials: false };
  const resolve = (desired: Desired, resolutions: Record<number, ImageResolution>) =>
    withResolutions(
      desired,
      new Map(
        Object.entries(resolutions).map(([number, each]) => [
          desired.trees.get(uuidOf(Number(number)))?.image?.key ?? '',
          each,
        ]),
      ),
    );

  it('are first which image it is, then its files, of which two trees share some', () => {
    const unresolved = desiredOf([imageOf(1), imageOf(2)], [registryOf(1)]);
    expect([...unresolved.contents.keys()].every((key) => key.startsWith('image:'))).toBe(true);
    const desired = resolve(unresolved, { 1: resolutionOf(ONE), 2: resolutionOf(TWO, HEX) });
    expect([...desired.contents.keys()]).toEqual([MANIFEST, SHARED, ONE, HEX, TWO]);
    const shared = desired.contents.get(SHARED)?.parts ?? [];
    expect(shared.map(({ tree }) => tree.uuid)).toEqual([uuidOf(1), uuidOf(2)]);
    const keys = shared.flatMap(({ sources }) => sources.map(({ key }) => key));
    expect(new Set(keys).size).toBe(1);
    expect(shared[0]?.sources[0]?.url.href).toBe(`http://ds1.local/v2/app/blobs/sha256:${SHARED}`);
    expect(desired.contents.get(MANIFEST)?.parts[0]?.sources[0]).toMatchObject({
      url: new URL(`http://ds1.local/v2/app/manifests/sha256:${MANIFEST}`),
      registry: { kind: 'manifest' },
    });
  });

  it.each([
    ['URL', { URL: 'app:other' }, false],
    ['sha256', { sha256: HEX }, false],
    ['generation', { generationCount: '7' }, false],
    ['datastores', { dsIdsList: [datastoreIdOf(2)] }, false],
    ['name for people', { displayName: 'another' }, true],
  ])('are asked for anew with another %s, and not without need', (_what, more, isKept) => {
    const keyOf = (tree: object) =>
      desiredOf([tree], [registryOf(1), registryOf(2)]).trees.get(uuidOf(1))?.image?.key;
    expect(keyOf(imageOf(1, more)) === keyOf(imageOf(1))).toBe(isKept);
  });

  it('come from registries alone; what gives files is named as no fallback', () => {
    const dsIdsList = [datastoreIdOf(1), datastoreIdOf(2), datastoreIdOf(3)];
    const config = configOf([imageOf(1, { dsIdsList })], [datastoreOf(1), registryOf(2), registryOf(3)]);
    const tree = planDesired(config, options).trees.get(uuidOf(1));
    expect(tree?.sources.map(({ host }) => host)).toEqual(['ds2.local', 'ds3.local']);
    expect(tree?.problems).toEqual([expect.stringContaining('it gives files')]);
    const file = desiredOf([imageOf(1, { sha256: HEX })], [datastoreOf(1)]).trees.get(uuidOf(1));
    expect(file).toMatchObject({ image: null, sha256: HEX, sources: [{ registry: null }] });
  });

  describe('make one status', () => {
    const facts = {
      ...{ refCount: 1, lackOf: () => undefined, linkFailure: undefined },
      ...{ configuredAtMs: 0, nowMs: 0, wallMs: 10_000 },
    };
    const setUp = () => {
      const desired = resolve(desiredOf([imageOf(1)], [registryOf(1)]), { 1: resolutionOf(ONE) });
      const actual = createActual();
      adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
      return { desired, actual };
    };
    it.each<[readonly [ContentState, ContentState, ContentState], string, number, string]>([
      [['INITIAL', 'INITIAL', 'INITIAL'], 'RESOLVED_TAG', 0, ''],
      [['VERIFIED', 'INITIAL', 'INITIAL'], 'DOWNLOADING', 9, ''],
      [['VERIFIED', 'DOWNLOADED', 'VERIFIED'], 'DOWNLOADED', 99, ''],
      [['VERIFIED', 'VERIFYING', 'DOWNLOADED'], 'VERIFYING', 99, ''],
      [['VERIFIED', 'VERIFIED', 'VERIFIED'], 'VERIFYING', 100, ''],
      [['VERIFIED', 'VERIFIED', 'VERIFIED'], 'VERIFIED', 100, '/images/image-1'],
    ])('%j: %s, %i %%', (states, state, progress, fileLocation) => {
      const { desired, actual } = setUp();
      for (const [i, { sha256, parts }] of [...desired.contents.values()].entries()) {
        const content = actual.contents.get(sha256);
        const sizeBytes = parts[0]?.sizeBytes ?? 0;
        if (content === undefined) throw new Error('no content');
        content.state = states[i] ?? 'INITIAL';
        content.currentBytes = content.state === 'INITIAL' ? 0 : sizeBytes;
        if (content.state === 'DOWNLOADED') content.currentBytes -= 1;
        content.totalBytes = sizeBytes;
      }
      const tree = desired.trees.get(uuidOf(1));
      if (tree === undefined) throw new Error('no tree');
      expect(statusDocument(tree, { ...facts, actual, fileLocation })).toMatchObject({
        ...{ State: state, TotalSize: 1110, ContentSha256: HEX, Error: '' },
        Progress: progress,
      });
      const isWhole = states.every((each) => each === 'VERIFIED');
      const steps = [...planLinks(desired, actual, 0)];
      expect(steps).toMatchObject(isWhole ? [{ kind: 'link-image', name: 'image-1' }] : []);
    });

    it('shows the newest failure of a part, with the state that is kept', () => {
      const { desired, actual } = setUp();
      for (const [sha256, atMs] of [[SHARED, 2000] as const, [ONE, 1000] as const]) {
        const content = actual.contents.get(sha256);
        const key = desired.contents.get(sha256)?.parts[0]?.sources[0]?.key ?? '';
        if (content === undefined) throw new Error('no content');
        const failure = { code: 'STALLED', message: sha256, atMs, severity: 'SEVERITY_NOTICE' } as const;
        content.failure = failure;
        const state = { failures: 1, mismatches: 0, waitUntilMs: 5000, slow: null };
        content.sources.set(key, { ...state, failure, avoidedAddresses: new Set() });
      }
      const tree = desired.trees.get(uuidOf(1));
      if (tree === undefined) throw new Error('no tree');
      expect(statusDocument(tree, { ...facts, actual, fileLocation: '' })).toMatchObject({
        ...{ State: 'RESOLVED_TAG', Error: SHARED, ErrorCode: 'STALLED' },
        ErrorRetryCondition: expect.stringMatching(/^tries again at /),
      });
    });
  });
});
