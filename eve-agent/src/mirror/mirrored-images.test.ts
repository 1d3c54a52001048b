// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { CodedError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { digestOfHex, formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import { beforeEach, describe, expect, it } from 'vitest';
import type { FetchedManifest } from '../registry/registry-client.ts';
import type { BlobSource, OpenBlob, Wanted } from './blob-flights.ts';
import { createMirroredImages } from './mirrored-images.ts';
import type { AnyChoice, Place } from './places.ts';

const { signal } = new AbortController();
const NAME = { host: 'ds.local', repository: 'app' };
const FOREIGN = { host: 'docker.io', repository: 'library/nginx' };
const blob = (digit: string) => ({
  mediaType: OCI_CONFIG,
  digest: `sha256:${digit.repeat(64)}`,
  size: 7,
});
const documentOf = (document: object) => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
  return { bytes, digest: digestOfHex(createHash('sha256').update(bytes).digest('hex')) };
};
const IMAGE = documentOf({ mediaType: OCI_MANIFEST, config: blob('c'), layers: [blob('d')] });
const INDEX = documentOf({
  mediaType: OCI_INDEX,
  manifests: [
    { ...blob('e'), mediaType: OCI_MANIFEST },
    { mediaType: OCI_MANIFEST, digest: formatDigest(IMAGE.digest), size: IMAGE.bytes.length },
  ],
});
const failed = (code: string, statusCode?: number) =>
  new CodedError(code, code, statusCode === undefined ? {} : { details: { statusCode } });
const AWAY = failed('DATASTORE_NOT_FOUND');
const MISSING = failed('IMAGE_NOT_FOUND', 404);

/** By the host of a registry: what it says to whatever it is asked for. */
let answers: Map<string, Error | typeof IMAGE>;
let asked: string[];
let here: Map<string, Buffer>;
let tags: Map<string, { digest: OciDigest; atMs: number }>;
let nowMs: number;
let wanted: Wanted | undefined;
let others: string[];

const contentOf = ({ registry, namespace }: Place, reference: string): FetchedManifest => {
  asked.push(`${registry.host}${namespace === null ? '' : ` for ${namespace}`} ${reference}`);
  const answer = answers.get(registry.host) ?? AWAY;
  if (answer instanceof Error) throw answer;
  const links = parseManifest(answer.bytes, undefined);
  const origin = { url: registry, address: null, sourceAddress: null, bridgeName: null };
  return { ...answer, mediaType: links.mediaType, links, origin };
};
const opened: OpenBlob = { sizeBytes: 7, async *read() {}, release() {} };

function create(any: AnyChoice = 'digests') {
  return createMirroredImages(
    {
      repositoryAt: (place) => ({
        client: {
          blobUrl: () => place.registry,
          readBlob: () => Promise.reject(new Error('not asked for')),
          readList: () => Promise.reject(new Error('not asked for')),
          readManifest: async (reference: ManifestReference) =>
            contentOf(place, 'tag' in reference ? reference.tag : reference.digest.hex.slice(0, 4)),
        },
        sourceOf: () => ({ url: place.registry, authorization: null, ca: null }) as BlobSource,
      }),
      content: {
        open: async () => null,
        has: async (digest) => here.has(formatDigest(digest)),
        read: async (digest) => here.get(formatDigest(digest)) ?? null,
        write: async (digest, bytes) => void here.set(formatDigest(digest), bytes),
      },
      flights: {
        open: async (asks) => {
          wanted = asks;
          return opened;
        },
        join: () => undefined,
        stop: async () => {},
      },
      tags: {
        find: async (name, tag) => tags.get(`${name}:${tag}`) ?? null,
        note: async (name, tag, digest) => void tags.set(`${name}:${tag}`, { digest, atMs: nowMs }),
      },
      neighbours: { list: async () => others.map((host) => new URL(`http://${host}/`)) },
      readManifestLinks: (bytes) => parseManifest(bytes, undefined),
      nowMs: () => nowMs,
      log: silentLog,
    },
    { any, isTls: false },
  );
}
const putWhole = () => {
  for (const { bytes, digest } of [IMAGE, INDEX]) here.set(formatDigest(digest), bytes);
  for (const digit of 'cd') here.set(blob(digit).digest, Buffer.from('content'));
};
const sourcesOf = async () => {
  const hosts: string[] = [];
  for await (const { url } of wanted?.sources() ?? []) hosts.push(url.host);
  return hosts;
};

beforeEach(() => {
  answers = new Map();
  [asked, others] = [[], []];
  here = new Map();
  tags = new Map();
  nowMs = 1000;
  wanted = undefined;
});

describe('a tag', () => {
  it('is asked of its datastore each time, and remembered', async () => {
    answers.set('ds.local', IMAGE);
    const images = create();
    for (let i = 0; i < 2; i += 1) {
      const manifest = await images.readManifest(NAME, { tag: '1' }, signal);
      expect(manifest).toMatchObject({ digest: formatDigest(IMAGE.digest), asOfMs: null });
    }
    expect(asked).toEqual(['ds.local 1', 'ds.local 1']);
    expect(tags.get('ds.local/app:1')).toEqual({ digest: IMAGE.digest, atMs: 1000 });
    expect(here.get(formatDigest(IMAGE.digest))).toEqual(IMAGE.bytes);
  });

  it.each<[string, Error, typeof IMAGE]>([
    ['nobody answers', AWAY, IMAGE],
    ['the connection fails', failed('CONNECTION_FAILED'), IMAGE],
    ['it fails', failed('HTTP_STATUS', 503), IMAGE],
    ['nobody answers for an index', AWAY, INDEX],
  ])('is what it was where %s', async (_what, error, manifest) => {
    answers.set('ds.local', error);
    putWhole();
    tags.set('ds.local/app:1', { digest: manifest.digest, atMs: 5 });
    const images = create();
    const found = await images.readManifest(NAME, { tag: '1' }, signal);
    expect(found).toMatchObject({ digest: formatDigest(manifest.digest), asOfMs: 5 });
    // Not asked again so soon, but later.
    await images.readManifest(NAME, { tag: '1' }, signal);
    expect(asked).toEqual(['ds.local 1']);
    nowMs += 15_001;
    await images.readManifest(NAME, { tag: '1' }, signal);
    expect(asked).toHaveLength(2);
  });

  it.each<[string, Error, (() => void) | undefined]>([
    ['it is gone', MISSING, undefined],
    ['it is for others now', failed('ACCESS_DENIED', 403), undefined],
    ['something is wrong there', failed('MANIFEST_INVALID'), undefined],
    ['a layer is not here', AWAY, () => here.delete(blob('d').digest)],
    ['its configuration is not here', AWAY, () => here.delete(blob('c').digest)],
    ['its manifest is not here', AWAY, () => here.delete(formatDigest(IMAGE.digest))],
    ['it was never asked for', AWAY, () => tags.clear()],
  ])('is not promised where %s', async (_what, error, change) => {
    answers.set('ds.local', error);
    putWhole();
    tags.set('ds.local/app:1', { digest: IMAGE.digest, atMs: 5 });
    change?.();
    await expect(create().readManifest(NAME, { tag: '1' }, signal)).rejects.toBe(error);
  });

  it('of an index is promised where one of its images is here, and only then', async () => {
    putWhole();
    tags.set('ds.local/app:1', { digest: INDEX.digest, atMs: 5 });
    here.delete(formatDigest(IMAGE.digest));
    await expect(create().readManifest(NAME, { tag: '1' }, signal)).rejects.toBe(AWAY);
  });

  it('of another registry is the word of a datastore by leave alone', async () => {
    [others] = [['a.local', 'b.local']];
    answers.set('a.local', MISSING);
    answers.set('b.local', IMAGE);
    for (const any of ['nothing', 'digests'] as const) {
      const refused = create(any).readManifest(FOREIGN, { tag: '1' }, signal);
      await expect(refused).rejects.toMatchObject({ code: 'NOT_MIRRORED' });
    }
    expect(asked).toEqual([]);
    const found = await create('tags').readManifest(FOREIGN, { tag: '1' }, signal);
    expect(found.digest).toBe(formatDigest(IMAGE.digest));
    expect(asked).toEqual(['a.local for docker.io 1', 'b.local for docker.io 1']);
    // Nor is that of a datastore which says itself that it has none.
    answers.set('ds.local', MISSING);
    await expect(create('tags').readManifest(NAME, { tag: '1' }, signal)).rejects.toBe(MISSING);
  });
});

describe('a manifest by its digest', () => {
  const byDigest = { digest: IMAGE.digest };

  it('is asked of nobody where it is here', async () => {
    putWhole();
    await create().readManifest(NAME, byDigest, signal);
    expect(asked).toEqual([]);
  });

  it.each<[string, Error]>([
    ['has none', MISSING],
    ['is away', AWAY],
    ['gives it to others', failed('ACCESS_DENIED', 403)],
  ])('comes from another datastore where its own %s', async (_what, error) => {
    others = ['b.local', 'ds.local', 'c.local'];
    answers.set('ds.local', error);
    answers.set('c.local', IMAGE);
    const found = await create().readManifest(NAME, byDigest, signal);
    expect(found.digest).toBe(formatDigest(IMAGE.digest));
    expect(asked.filter((each) => each.startsWith('ds.local'))).toHaveLength(1);
    await expect(create('nothing').readManifest(NAME, byDigest, signal)).resolves.toBeDefined();
    here.clear();
    await expect(create('nothing').readManifest(NAME, byDigest, signal)).rejects.toBe(error);
  });
});

describe('a blob', () => {
  it('may come from its datastore, then from others; first from who had the manifest', async () => {
    others = ['b.local', 'c.local'];
    const images = create();
    await images.openBlob(NAME, IMAGE.digest, true);
    expect(await sourcesOf()).toEqual(['ds.local', 'b.local', 'c.local']);
    answers.set('c.local', IMAGE);
    await images.readManifest(NAME, { digest: IMAGE.digest }, signal);
    await images.openBlob(NAME, digestOfHex('d'.repeat(64)), true);
    expect(await sourcesOf()).toEqual(['c.local', 'b.local', 'ds.local']);
    // The manifest has said how large it is.
    expect(wanted).toMatchObject({ sizeBytes: 7, host: 'ds.local' });
    await create('nothing').openBlob(NAME, IMAGE.digest, true);
    expect(await sourcesOf()).toEqual(['ds.local']);
  });
});
