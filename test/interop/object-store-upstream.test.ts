// SPDX-License-Identifier: Apache-2.0
/** Images that the datastore fetches from an object store which nobody here wrote, by signed requests. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { type ObjectStore, startObjectStore } from '../lab/object-store.ts';
import { describeWith } from '../requirements.ts';

const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describeWith(['swift'], 'an object store of Debian', () => {
  let store: ObjectStore;
  let place: DatastoreFolder;
  const disk = randomBytes(3 << 20);
  const small = randomBytes(1000);
  const odd = randomBytes(2000);

  beforeAll(async () => {
    store = await startObjectStore();
    await store.makeBucket('listed');
    await store.put('listed', 'edge/linux/disk.img', disk);
    await store.put('listed', "edge/linux/o'dd +(1) ä.img", odd);
    const names = [
      [disk, 'linux/disk.img'],
      [odd, "linux/o'dd +(1) ä.img"],
    ] as const;
    const list = names.map(([content, name]) => `${sha256Of(content)}  ${name}\n`).join('');
    await store.put('listed', 'edge/SHA256SUMS', list);
    await store.makeBucket('plain');
    for (const [name, content] of [
      ['a.img', small],
      ['b.img', odd],
      ['c/d.img', disk],
    ] as const) {
      await store.put('plain', name, content, { sha256: sha256Of(content) });
    }
    await store.put('plain', 'without.img', small);
  });
  afterAll(() => store?.stop());
  afterEach(() => place?.remove());

  /** @param secret what is in the file of the secret */
  async function start(lines: string, secret = store.secretAccessKey): Promise<LoopbackDatastore> {
    place = await createDatastoreFolder();
    await mkdir(place.state, { mode: 0o700 });
    await writeFile(join(place.state, 's3.secret'), `${secret}\n`, { mode: 0o600 });
    const credentials = `{ accessKeyId: "${store.accessKeyId}", secretAccessKeyFile: s3.secret }`;
    await writeFile(
      join(place.state, 'upstreams.yaml'),
      `version: 1\nimages:\n  - { endpoint: "${store.origin}", credentials: ${credentials}, ${lines} }\n`,
    );
    return place.start();
  }
  const upstreamOf = async (datastore: LoopbackDatastore) =>
    ((await datastore.json('/-/api/v1/upstreams')).upstreams as Record<string, unknown>[])[0];
  const stateOf = async (datastore: LoopbackDatastore) => (await upstreamOf(datastore))?.state;

  test('gives what stands in a list beside its objects, in pieces and whole', async () => {
    const datastore = await start('url: "s3://listed/edge", prefix: hub');
    const path = '/hub/linux/disk.img';
    const head = await datastore.get(path, {}, 'HEAD');
    expect(head.headers).toMatchObject({
      'content-length': String(disk.length),
      etag: `"sha256:${sha256Of(disk)}"`,
    });
    const part = await datastore.get(path, { range: 'bytes=2000000-2000099' });
    expect([part.status, part.body]).toEqual([206, disk.subarray(2_000_000, 2_000_100)]);
    const whole = await datastore.get(path);
    expect([whole.status, whole.body.equals(disk)]).toEqual([200, true]);
    expect(await readFile(join(place.root, 'hub/linux/disk.img'))).toEqual(disk);
    const name = `/hub/linux/${encodeURIComponent("o'dd +(1) ä.img")}`;
    expect((await datastore.get(name)).body).toEqual(odd);
    expect((await datastore.get('/hub/linux/none.img')).status).toBe(404);
    expect(datastore.log()).not.toContain(store.secretAccessKey);
  });

  test('tells of its objects itself, page by page, where they were uploaded with their digests', async () => {
    const datastore = await start('url: "s3://plain", check: 1s');
    await expect.poll(() => stateOf(datastore)).toBe('reachable');
    expect(await upstreamOf(datastore)).toMatchObject({ images: 3, leftOut: 1 });
    const { images } = (await datastore.json('/-/api/v1/images')) as {
      images: { path: string; state: string }[];
    };
    expect(images.map(({ path, state }) => [path, state])).toEqual([
      ['a.img', 'upstream'],
      ['b.img', 'upstream'],
      ['c/d.img', 'upstream'],
    ]);
    expect((await datastore.get('/c/d.img')).body.equals(disk)).toBe(true);
    expect((await datastore.get('/without.img')).status).toBe(404);
  });

  test.each([
    ['a wrong secret', 'url: "s3://listed/edge"', 'another', 'the secret is not that of the key'],
    ['no bucket', 'url: "s3://none"', undefined, 'there is no such bucket'],
  ])('is not read with %s, and it is said why', async (_title, lines, secret, reason) => {
    const datastore = await start(lines, secret);
    await expect.poll(() => stateOf(datastore)).toBe('failing');
    expect((await upstreamOf(datastore))?.reason).toContain(reason);
    const answer = await datastore.get('/linux/disk.img');
    expect([answer.status, answer.body.toString()]).toEqual([502, expect.stringContaining(reason)]);
    expect(`${datastore.log()}${answer.body}`).not.toContain(secret ?? store.secretAccessKey);
  });
});
