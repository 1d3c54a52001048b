// SPDX-License-Identifier: Apache-2.0
/** Lists, as the distribution specification has them ("Content Discovery"): end-8 and end-12, and the catalogue. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  createRepositoryClient,
  indexOf,
  OCI_CONFIG,
  OCI_INDEX,
  type RepositoryClient,
  refusalOf,
  someImage,
} from './registry-content.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;
/** In the order of Go's sort.Strings. */
const TAGS = ['1', '1.0', '10', '2', 'A', 'Z', '_x', 'a', 'a-b', 'a.b', 'a_b', 'latest', 'z'];
const subject = someImage();
const sbom = { subject: subject.descriptor, artifactType: 'application/x.sbom', annotations: { a: 'ä "b"' } };
const referrers = [
  someImage({ more: sbom }),
  someImage({ more: { subject: subject.descriptor } }),
  indexOf([], { more: { subject: subject.descriptor, annotations: { c: 'd' } } }),
] as const;

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'lists/tags');
  await repository.pushImage(subject, 'latest');
  for (const tag of TAGS.toReversed()) await repository.putManifest(subject, tag);
  for (const name of ['lists/b', 'lists/a', 'lists/a/c']) {
    await createRepositoryClient(datastore, name).pushImage(someImage(), 'v1');
  }
  for (const referrer of referrers) {
    for (const blob of 'blobs' in referrer ? referrer.blobs : []) await repository.pushBlob(blob);
    await repository.putManifest(referrer, referrer.descriptor.digest);
  }
});
afterAll(() => place?.remove());

const json = ({ body }: Answer) => JSON.parse(body.toString()) as Record<string, unknown>;

/** Follows Link to the end. */
async function allPages(path: string, member: string): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer: Answer = await datastore.request('GET', next);
    expect(answer.status).toBe(200);
    pages.push(json(answer)[member] as unknown[]);
    const [, target] = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? '')) ?? [];
    expect(answer.headers.link === undefined).toBe(target === undefined);
    next = target;
  }
  return pages;
}

describe('tags', () => {
  it('are all listed in their order', async () => {
    const answer = await repository.get('tags/list');
    expect([answer.status, answer.headers.link]).toEqual([200, undefined]);
    expect(json(answer)).toEqual({ name: 'lists/tags', tags: TAGS });
  });

  // distribution #1190, pulp PR #220: n is ignored, a page that is empty, no Link; by who asks: registry-rights.test.ts.
  it.each([1, 2, 5, TAGS.length - 1, TAGS.length, TAGS.length + 1, 1_000_000])(
    'come in pages of %d',
    async (n) => {
      const pages = await allPages(repository.at(`tags/list?n=${n}`), 'tags');
      expect(pages.flat()).toEqual(TAGS);
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(n);
      expect(pages.at(-1)).not.toEqual([]);
    },
  );

  it.each([
    ['n=0', []],
    ['n=0&last=a', []],
    ['last=a', TAGS.slice(TAGS.indexOf('a') + 1)],
    ['n=2&last=a', ['a-b', 'a.b']],
    ['n=2&last=b', ['latest', 'z']],
    ['last=z', []],
    ['last=zzz', []],
    ['n=3&last=', TAGS.slice(0, 3)],
  ])('come for %s', async (query, tags) => {
    const answer = await repository.get(`tags/list?${query}`);
    expect(json(answer)).toEqual({ name: 'lists/tags', tags });
    if (query.startsWith('n=0')) expect(answer.headers.link).toBeUndefined();
  });

  it.each(['n=-1', 'n=x', 'n=1.5'])('do not come for %s', async (query) => {
    expect(refusalOf(await repository.get(`tags/list?${query}`))).toEqual([400, 'UNSUPPORTED']);
  });

  it('are of a repository', async () => {
    expect(refusalOf(await datastore.request('GET', '/v2/lists/none/tags/list'))).toEqual([
      404,
      'NAME_UNKNOWN',
    ]);
    expect((await repository.head('tags/list')).status).toBe(200);
  });
});

describe('referrers', () => {
  const path = `referrers/${subject.descriptor.digest}`;
  const described = {
    [referrers[0].descriptor.digest]: { artifactType: sbom.artifactType, annotations: sbom.annotations },
    [referrers[1].descriptor.digest]: { artifactType: OCI_CONFIG },
    [referrers[2].descriptor.digest]: { annotations: { c: 'd' } },
  };
  const expected = referrers.map(({ descriptor }) => ({ ...descriptor, ...described[descriptor.digest] }));

  it('are listed with what they say of themselves', async () => {
    const answer = await repository.get(path);
    expect([answer.status, answer.headers['content-type'], answer.headers['oci-filters-applied']]).toEqual([
      200,
      OCI_INDEX,
      undefined,
    ]);
    const { manifests, ...index } = json(answer);
    expect(index).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX });
    expect(manifests).toHaveLength(expected.length);
    expect(manifests).toEqual(expect.arrayContaining(expected));
  });

  it('are picked by their type', async () => {
    for (const [artifactType, found] of [
      [sbom.artifactType, [expected[0]]],
      [OCI_CONFIG, [expected[1]]],
      ['application/x.other', []],
    ]) {
      const answer = await repository.get(`${path}?artifactType=${encodeURIComponent(String(artifactType))}`);
      expect(answer.headers['oci-filters-applied']).toBe('artifactType');
      expect(json(answer).manifests).toEqual(found);
    }
  });

  it.each([
    ['of what nothing is about', referrers[0].descriptor.digest],
    ['of what is not there', ABSENT],
  ])('%s are none', async (_what, digest) => {
    const answer = await repository.get(`referrers/${digest}`);
    expect([answer.status, json(answer).manifests]).toEqual([200, []]);
  });

  it('of a repository that is not there are none, and of no digest an error', async () => {
    const answer = await datastore.request('GET', `/v2/lists/none/referrers/${ABSENT}`);
    expect([answer.status, json(answer).manifests]).toEqual([200, []]);
    expect(refusalOf(await repository.get('referrers/latest'))).toEqual([400, 'DIGEST_INVALID']);
  });

  it('come in pages where they are many', { timeout: 600_000 }, async () => {
    const many = createRepositoryClient(datastore, 'lists/many');
    const about = someImage();
    const first = someImage({ more: { subject: about.descriptor } });
    await many.pushImage(first);
    const digests = new Set([first.descriptor.digest]);
    while (digests.size < 250) {
      const annotations = { number: String(digests.size) };
      const { blobs, ...next } = someImage({
        layers: first.blobs.slice(1),
        more: { subject: about.descriptor, annotations },
      });
      await many.pushBlob(blobs[0] ?? next);
      expect((await many.putManifest(next, next.descriptor.digest)).status).toBe(201);
      digests.add(next.descriptor.digest);
    }
    const pages = await allPages(many.at(`referrers/${about.descriptor.digest}`), 'manifests');
    const listed = (pages.flat() as { digest: string }[]).map(({ digest }) => digest);
    expect(pages.length).toBeGreaterThan(1);
    expect(listed.toSorted()).toEqual([...digests].sort());
  });
});

describe('the catalogue', () => {
  const NAMES = ['lists/a', 'lists/a/c', 'lists/b', 'lists/tags'];
  const isOfOurs = (name: unknown) => NAMES.includes(String(name));

  it('lists repositories in their order, in pages', async () => {
    expect((await allPages('/v2/_catalog', 'repositories')).flat().filter(isOfOurs)).toEqual(NAMES);
    for (const n of [1, 2, 3, 100]) {
      const pages = await allPages(`/v2/_catalog?n=${n}`, 'repositories');
      expect(pages.flat().filter(isOfOurs)).toEqual(NAMES);
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(n);
    }
  });

  it.each([
    ['n=0', []],
    ['n=1&last=lists/a', ['lists/a/c']],
    ['last=lists/tagsx', []],
    ['last=zzz', []],
  ])('comes for %s', async (query, repositories) => {
    expect(json(await datastore.request('GET', `/v2/_catalog?${query}`))).toEqual({ repositories });
  });

  it('comes for no other number', async () => {
    expect(refusalOf(await datastore.request('GET', '/v2/_catalog?n=x'))).toEqual([400, 'UNSUPPORTED']);
  });
});
