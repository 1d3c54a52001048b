// SPDX-License-Identifier: Apache-2.0
/** Images on a real file system without hard links and without lasting inodes: exFAT. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPlacer } from '../../datastore-app/src/content/placer.ts';
import { describePlacerContract } from '../../datastore-app/src/content/placer-contract.ts';
import { createExfatVolume, type ExfatVolume } from '../lab/exfat-volume.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  UPLOADS,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

/** Longer than any pause that the datastore makes here. */
const PATIENTLY = { timeout: 600_000 };
const MODIFIED = new Date('2026-02-03T04:05:06Z');
const A = randomBytes(1_500_000);
const B = randomBytes(A.length);
const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describeWith(['root', 'exfat'], 'names on exFAT', () => {
  const create = async () => {
    const { folder, remove } = await createExfatVolume(16 * 1024 * 1024);
    return { placer: createPlacer(), folder, close: remove };
  };
  describePlacerContract('without hard links', create, { hasSymbolicLinks: false });
});

describeWith(['root', 'exfat'], 'on exFAT', () => {
  let volume: ExfatVolume;
  let folders: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let outside: string;
  beforeEach(async () => {
    volume = await createExfatVolume(64 * 1024 * 1024);
    folders = await createDatastoreFolder({ root: volume.folder });
    outside = await mkdtemp(join(tmpdir(), 'outside-'));
    datastore = await folders.start('--reserve', '0');
  });
  afterEach(async () => {
    await folders.remove();
    await volume.remove();
    await rm(outside, { recursive: true });
  });

  async function expectImage(path: string, content: Buffer): Promise<void> {
    const { status, headers, body } = await datastore.request('GET', `/${path}`);
    expect([status, headers.etag]).toEqual([200, `"sha256:${sha256Of(content)}"`]);
    expect(body.equals(content)).toBe(true);
  }
  const imageAt = (path: string) => datastore.json(`/-/api/v1/images/${path}`);

  it('takes, replaces and removes images, by PUT, tus and images add', async () => {
    const put = (body: Buffer, headers = {}) => datastore.request('PUT', '/sub/a.img', { body, headers });
    expect((await put(A)).status).toBe(201);
    await expectImage('sub/a.img', A);
    // The same size, in the same two seconds: only the inode tells them apart.
    expect((await put(B)).status).toBe(200);
    await expectImage('sub/a.img', B);
    const refused = await put(A, { 'If-None-Match': '*' });
    expect(refused.status).toBe(412);

    const created = await datastore.request('POST', UPLOADS, {
      headers: {
        'Tus-Resumable': '1.0.0',
        'Upload-Length': String(A.length),
        'Upload-Metadata': `path ${Buffer.from('tus.img').toString('base64')}`,
        'Content-Type': 'application/offset+octet-stream',
      },
      body: A,
    });
    expect([created.status, created.headers['upload-offset']]).toEqual([201, String(A.length)]);
    await expectImage('tus.img', A);

    await writeFile(join(outside, 'added.img'), B);
    const add = () => folders.run('images', 'add', '--reserve', '0', join(outside, 'added.img'));
    expect(await add()).toMatchObject({ exitCode: 0 });
    const again = await add();
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('exists already')]);

    expect((await datastore.request('DELETE', '/-/api/v1/images/sub/a.img')).status).toBe(204);
    expect((await datastore.request('GET', '/sub/a.img')).status).toBe(404);
    // The record of an upload outlives it, for clients that ask what became of it.
    expect(await folders.incoming()).toEqual([expect.stringMatching(/\.upload\.json$/)]);
  });

  it('imports a bundle, all or none', async () => {
    await writeFile(join(outside, 'a.img'), A);
    await writeFile(join(outside, 'b.img'), B);
    const sums = execFileSync('sha256sum', ['a.img', 'b.img'], { cwd: outside });
    await writeFile(join(outside, 'SHA256SUMS'), sums);
    const body = execFileSync('tar', ['-cf', '-', 'SHA256SUMS', 'a.img', 'b.img'], {
      cwd: outside,
      maxBuffer: 1e9,
    });
    await writeFile(join(folders.root, 'b.img'), 'old');
    const imported = (query: string) => datastore.request('POST', `/-/api/v1/import${query}`, { body });
    expect(problemOf(await imported(''))).toBe('IMAGE_EXISTS');
    expect((await datastore.request('GET', '/a.img')).status).toBe(404);
    expect((await datastore.request('GET', '/b.img')).body.toString()).toBe('old');
    const { images } = JSON.parse((await imported('?replace=true')).body.toString());
    expect(images.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['new', 'replaced']);
    await expectImage('a.img', A);
    await expectImage('b.img', B);
    expect(await folders.incoming()).toEqual([]);
  });

  it('remembers digests over a new mount, and hashes again what has changed', async () => {
    for (const name of ['a.img', 'b.img', 'c.img']) {
      expect((await datastore.request('PUT', `/${name}`, { body: A })).status).toBe(201);
    }
    // Deleted, so that later files get the inodes of earlier ones.
    expect((await datastore.request('DELETE', '/a.img')).status).toBe(204);
    const inode = (await stat(join(folders.root, 'c.img'))).ino;
    expect(await datastore.stop()).toBe(0);
    volume.remount();
    await utimes(join(folders.root, 'b.img'), MODIFIED, MODIFIED);

    datastore = await folders.start();
    expect((await stat(join(folders.root, 'c.img'))).ino).not.toBe(inode);
    expect(await imageAt('c.img')).toMatchObject({ state: 'ready', sha256: sha256Of(A) });
    await expectImage('c.img', A);
    await expect.poll(async () => (await imageAt('b.img')).state).toBe('ready');
    const hashed = datastore.log().match(/"path":"[abc]\.img"[^}]*an image is ready/g);
    expect(hashed).toEqual([expect.stringContaining('b.img')]);
  });

  it('hashes again what is written in place', async () => {
    await mkdir(join(folders.root, 'in'));
    await writeFile(join(folders.root, 'in', 'a.img'), A);
    await expect.poll(async () => (await imageAt('in/a.img')).sha256).toBe(sha256Of(A));
    await writeFile(join(outside, 'b.img'), B);
    await copyFile(join(outside, 'b.img'), join(folders.root, 'in', 'a.img'));
    // It goes on where it had seemed complete: it is left alone for four times as long as it had been before.
    await expect.poll(async () => (await imageAt('in/a.img')).sha256, PATIENTLY).toBe(sha256Of(B));
    await expectImage('in/a.img', B);
  });

  it('says what such a file system cannot hold', async () => {
    const full = await datastore.request('PUT', '/big.img', { body: Buffer.alloc(70_000_000) });
    expect([full.status, problemOf(full)]).toEqual([507, 'NO_SPACE']);
    expect(await folders.incoming()).toEqual([]);
  });
});
