// SPDX-License-Identifier: Apache-2.0
/** The registry of the real program on volumes that lack something: what exFAT has not, room, and the right to write. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createExfatVolume, type ExfatVolume } from '../lab/exfat-volume.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';
import { startHostileRegistry } from './hostile-registry.ts';
import {
  type Content,
  createRepositoryClient,
  type Image,
  indexOf,
  type RepositoryClient,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

const MIB = 1024 * 1024;
const GC = '/-/api/v1/registry/gc?apply=true';
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;

async function start(...args: readonly string[]): Promise<void> {
  datastore = await place.start('--reserve', '0', ...args);
  repository = createRepositoryClient(datastore, 'lab/app');
}
async function expectImage(image: Image, tag: string): Promise<void> {
  for (const reference of [tag, image.descriptor.digest]) {
    const got = await repository.get(`manifests/${reference}`);
    expect([got.status, got.body.equals(image.bytes)]).toEqual([200, true]);
  }
  for (const { bytes, descriptor } of image.blobs) {
    const got = await repository.get(`blobs/${descriptor.digest}`);
    expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
  }
}
const tags = async () => JSON.parse((await repository.get('tags/list')).body.toString()).tags as string[];

describeWith(['root', 'exfat'], 'the registry on exFAT', () => {
  let volume: ExfatVolume;
  beforeEach(async () => {
    volume = await createExfatVolume(64 * MIB);
    place = await createDatastoreFolder({ root: volume.folder });
  });
  afterEach(async () => {
    await place.remove();
    await volume.remove();
  });

  it('takes, gives, collects and keeps over kills and another mount', async () => {
    await start('--untagged', '0', '--registry-trash', '0');
    const image = someImage({ layers: [someBlob(2 * MIB)] });
    const long = someImage({ algorithm: 'sha512' });
    const index = indexOf([image]);
    await repository.pushImage(image, 'v1');
    await repository.pushImage(long);
    // exFAT takes names for the same that differ in their case alone.
    await repository.putManifest(index, 'Latest');
    await repository.putManifest(image, 'latest');
    const chunked = someBlob(3000);
    const location = await repository.beginUpload();
    for (const [range, from] of [
      ['0-999', 0],
      ['1000-1999', 1000],
    ] as const) {
      const body = chunked.bytes.subarray(from, from + 1000);
      expect(
        (await datastore.request('PATCH', location, { body, headers: { 'content-range': range } })).status,
      ).toBe(202);
    }
    await datastore.kill();
    volume.remount();
    await start('--untagged', '0', '--registry-trash', '0');
    const { digest } = chunked.descriptor;
    const rest = { body: chunked.bytes.subarray(2000), headers: { 'content-range': '2000-2999' } };
    expect((await datastore.request('PUT', `${location}?digest=${digest}`, rest)).status).toBe(201);
    expect(await tags()).toEqual(['Latest', 'latest', 'v1']);
    await expectImage(image, 'v1');
    const { status, headers } = await repository.get(`blobs/${digest}`, { range: 'bytes=10-19' });
    expect([status, headers['content-range']]).toEqual([206, 'bytes 10-19/3000']);
    const other = createRepositoryClient(datastore, 'lab/other');
    const mounted = await datastore.request('POST', other.at(`blobs/uploads/?mount=${digest}&from=lab/app`));
    expect(mounted.status).toBe(201);
    expect((await repository.delete('manifests/Latest')).status).toBe(202);
    const collected = JSON.parse((await datastore.request('POST', GC)).body.toString());
    expect(collected.manifests).toHaveLength(2);
    await datastore.kill();
    volume.remount();
    await start();
    expect(await tags()).toEqual(['latest', 'v1']);
    await expectImage(image, 'latest');
    const mountedOne = await datastore.request('GET', other.at(`blobs/${digest}`));
    expect(mountedOne.body.equals(chunked.bytes)).toBe(true);
    expect((await repository.head(`manifests/${long.descriptor.digest}`)).status).toBe(404);
    expect(datastore.log()).not.toContain('"level":"error"');
  });
});

describeWith(['root'], 'the registry on a volume', () => {
  let volume: string;
  const mount = (...args: readonly string[]) => execFileSync('mount', [...args, volume]);
  beforeEach(async () => {
    volume = await mkdtemp(join(tmpdir(), 'registry-volume-'));
    mount('-t', 'tmpfs', '-o', 'size=24M', 'tmpfs');
    place = await createDatastoreFolder({ root: volume });
  });
  afterEach(async () => {
    await place.remove();
    execFileSync('umount', [volume]);
    await rm(volume, { recursive: true });
  });

  it('that can only be read gives all, and says of every change why it is refused', async () => {
    await start();
    const image = someImage();
    await repository.pushImage(image, 'v1');
    const location = await repository.beginUpload();
    await datastore.stop();
    mount('-o', 'remount,ro');
    const upstream = await startHostileRegistry(1000);
    await writeFile(
      join(place.state, 'upstreams.yaml'),
      `version: 1\nupstreams: [{ prefix: up, url: "http://${upstream.host}" }]\n`,
    );
    try {
      await start('--untagged', '0');
      await expectImage(image, 'v1');
      expect(await tags()).toEqual(['v1']);
      expect(JSON.parse((await datastore.request('GET', '/v2/_catalog')).body.toString())).toEqual({
        repositories: ['lab/app'],
      });
      const blob = someBlob();
      const { digest } = image.blobs[0]?.descriptor ?? blob.descriptor;
      const changes: [string, string, Content?][] = [
        ['POST', repository.at('blobs/uploads/')],
        ['POST', repository.at(`blobs/uploads/?digest=${blob.descriptor.digest}`), blob],
        ['PATCH', location, blob],
        ['DELETE', location],
        ['POST', `/v2/lab/other/blobs/uploads/?mount=${digest}&from=lab/app`],
        ['PUT', repository.at('manifests/v2'), image],
        ['DELETE', repository.at('manifests/v1')],
        ['DELETE', repository.at(`manifests/${image.descriptor.digest}`)],
        // What would have to be stored.
        ['GET', '/v2/up/a/manifests/1'],
      ];
      for (const [method, path, content] of changes) {
        const answer = await datastore.request(method, path, {
          ...(content && { body: content.bytes, headers: { 'content-type': content.descriptor.mediaType } }),
        });
        expect([method, path, ...refusalOf(answer)]).toEqual([method, path, 403, 'DENIED']);
        expect(answer.body.toString()).toMatch(/read-only|cannot be written|can only be read/);
      }
      const collected = await datastore.request('POST', GC);
      expect([collected.status, JSON.parse(collected.body.toString()).blobs]).toEqual([200, 0]);
      await expectImage(image, 'v1');
      expect(await tags()).toEqual(['v1']);
    } finally {
      await upstream.close();
    }
    mount('-o', 'remount,rw');
    const next = someImage();
    await repository.pushImage(next, 'v2');
    await expectImage(next, 'v2');
  });

  it('that is full answers 507, in the middle of a push too, loses nothing, and goes on with room', async () => {
    await start();
    const image = someImage({ layers: [someBlob(4 * MIB)] });
    await repository.pushImage(image, 'v1');
    const filler = join(volume, 'filler.bin');
    const fill = async () => {
      execFileSync('sh', ['-c', 'dd if=/dev/zero of="$1" bs=64k 2>/dev/null || true', 'sh', filler]);
    };
    // Some of it has come when somebody else takes what is left.
    const large = someBlob(3 * MIB);
    const location = await repository.beginUpload();
    const sent = httpRequest({
      ...{ host: ADDRESS, port: datastore.port, method: 'PATCH', path: location },
      headers: { ...WRITE_HEADERS, 'transfer-encoding': 'chunked' },
    });
    sent.on('error', () => {});
    sent.write(large.bytes.subarray(0, MIB));
    const received = async () => {
      const incoming = await readdir(join(volume, '.incoming'));
      return incoming.length > 0 && execFileSync('du', ['-sk', join(volume, '.incoming')]).toString();
    };
    await expect.poll(async () => Number.parseInt(String(await received()), 10)).toBeGreaterThan(512);
    await fill();
    sent.end(large.bytes.subarray(MIB));
    const [response] = await once(sent, 'response');
    const body = (await buffer(response)).toString();
    expect([response.statusCode, JSON.parse(body).errors[0].code]).toEqual([507, 'DENIED']);
    expect(body).toContain('The volume is full');
    for (const attempt of [
      () =>
        datastore.request('POST', repository.at(`blobs/uploads/?digest=${large.descriptor.digest}`), {
          body: large.bytes,
        }),
      () =>
        datastore.request('PUT', `${location}?digest=${large.descriptor.digest}`, {
          body: large.bytes.subarray(MIB),
        }),
    ]) {
      const answer = await attempt();
      expect([507, 400]).toContain(answer.status);
    }
    await expectImage(image, 'v1');
    expect((await repository.head(`blobs/${large.descriptor.digest}`)).status).toBe(404);
    await rm(filler);
    await repository.pushBlob(large);
    await fill();
    // Of the record of a repository the old one stays.
    const late = await repository.putManifest(someImage({ layers: [large] }), 'v2');
    expect([400, 507]).toContain(late.status);
    expect(await tags()).toEqual(['v1']);
    await datastore.kill();
    await start();
    await expectImage(image, 'v1');
    expect(await tags()).toEqual(['v1']);
    await rm(filler);
    const next = someImage({ layers: [large] });
    await repository.pushImage(next, 'v2');
    await expectImage(next, 'v2');
    expect(datastore.log()).not.toContain('"level":"error"');
  });
});
