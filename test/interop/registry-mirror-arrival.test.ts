// SPDX-License-Identifier: Apache-2.0
/** What the agent's mirror gives while blobs arrive, while datastores are away, and from which of them. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import {
  createImageLayout,
  type Descriptor,
  type ImageLayout,
  type MadeImage,
} from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent } from '../lab/programs.ts';
import { MIRROR_PLACE, type RunningMirror, startMirror } from '../lab/running-mirror.ts';
import { wireBytesOf } from '../lab/wire-bytes.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const WITHHELD = 64 * 1024;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const hexOf = ({ digest }: { digest: string }) => digest.slice('sha256:'.length);
const NOTHING: Descriptor = { mediaType: '', digest: '', size: 0 };
const sha256Of = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'podman', 'curl', 'tc'],
  'the mirror of the agent',
  () => {
    let folder: string;
    let lab: Lab;
    let ds: App;
    let other: App;
    let registry: DebianRegistry;
    let made: ImageLayout;
    let image: MadeImage;
    let layer: Descriptor;
    let mirror: RunningMirror | undefined;
    /** What the other datastore alone has. */
    let others: MadeImage;
    let count = 0;
    const storage = (name: string) => join(folder, name, 'storage');
    const url = (path: string) => `http://${MIRROR_PLACE}/v2/${path}`;
    const blobUrl = (descriptor: Descriptor, name = 'ds.local/app') =>
      url(`${name}/blobs/${descriptor.digest}`);
    const start = async (...args: readonly string[]) => {
      count += 1;
      mirror = await startMirror(lab.host, join(folder, `cache-${count}`), ...args);
      return join(folder, `cache-${count}`);
    };
    const curl = (...args: readonly string[]) => lab.host.run(['curl', '-sS', ...args]);
    /** The head of an answer, in lower case. */
    const head = async (path: string, ...args: readonly string[]) =>
      (await curl('-I', ...args, url(path))).stdout.toLowerCase();
    const setRate = (rate: string) =>
      ds.mustRun(`tc qdisc replace dev eth0 root tbf rate ${rate} burst 64kb latency 400ms`.split(' '));
    const sentBytes = () => wireBytesOf(lab, 'ds');
    const sizeOf = async (file: string) => (await stat(file).catch(() => null))?.size ?? 0;
    const startRegistry = () => startDebianRegistry(ds, { folder: join(folder, 'ds'), port: 80 });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'mirror-arrival-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      ds = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
      other = await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.1.0.6/24' });
      await startAvahi(ds, { hostName: 'ds', publishWorkstation: true });
      await startAvahi(other, { hostName: 'other', publishWorkstation: true });
      registry = await startRegistry();
      const beside = await startDebianRegistry(other, { folder: join(folder, 'other'), port: 80 });
      made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(6 * MIB), Buffer.from('small')] }, '1');
      layer = image.layers[0] ?? NOTHING;
      await registry.push(made.folder, '1', 'app');
      others = await made.addImage({ layers: [randomBytes(MIB)] }, '2');
      await beside.push(made.folder, '2', 'app');
      await beside.push(made.folder, '2', 'library/app');
    });
    afterEach(async () => {
      await mirror?.end('SIGKILL');
    });
    afterAll(async () => {
      await lab?.stop();
      await rm(folder, { recursive: true });
    });

    it('gives a blob as it comes, to all who ask, and it comes once', async () => {
      const cache = await start();
      await setRate('16mbit');
      const before = await sentBytes();
      const [first, part] = [join(folder, 'first'), join(folder, 'part')];
      const pulling = lab.host.start(['curl', '-sS', '-o', first, blobUrl(layer)]);
      const pulled = once(pulling, 'exit');
      // Nothing of it is whole, and nothing is verified yet.
      await expect.poll(() => sizeOf(first), { timeout: 600_000 }).toBeGreaterThan(MIB);
      expect(await mirror?.blobs()).toEqual([]);
      const leaving = lab.host.start(['curl', '-sS', '-o', join(folder, 'left'), blobUrl(layer)]);
      await expect.poll(() => sizeOf(join(folder, 'left')), { timeout: 600_000 }).toBeGreaterThan(0);
      leaving.kill('SIGKILL');
      const range = `${MIB}-${MIB + 99}`;
      expect((await curl('-r', range, '-o', part, '-w', '%{http_code}', blobUrl(layer))).stdout).toBe('206');
      expect(await mirror?.blobs()).toEqual([]);
      expect(
        (await head(`ds.local/app/blobs/${layer.digest}`)).includes(`content-length: ${layer.size}`),
      ).toBe(true);
      await pulled;
      await setRate('1gbit');
      expect(await sha256Of(first)).toBe(hexOf(layer));
      expect(await readFile(part)).toEqual((await readFile(first)).subarray(MIB, MIB + 100));
      expect((await sentBytes()) - before).toBeLessThan(layer.size * 1.2);
      expect(await readFile(join(cache, 'blobs', 'sha256', hexOf(layer)))).toEqual(await readFile(first));
    });

    it('goes on after kill -9 from what had come', async () => {
      const cache = await start();
      await setRate('16mbit');
      const before = await sentBytes();
      const cut = join(folder, 'cut');
      const pulling = lab.host.start(['curl', '-sS', '-o', cut, blobUrl(layer)]);
      const pulled = once(pulling, 'exit');
      await expect.poll(() => sizeOf(cut), { timeout: 600_000 }).toBeGreaterThan(2 * MIB);
      await mirror?.end('SIGKILL');
      await pulled;
      mirror = await startMirror(lab.host, cache);
      await setRate('1gbit');
      expect((await curl('-o', cut, blobUrl(layer))).exitCode).toBe(0);
      expect(await sha256Of(cut)).toBe(hexOf(layer));
      expect((await sentBytes()) - before).toBeLessThan(layer.size + 2 * MIB);
    });

    it('cuts off who has some of what turns out to be wrong, and keeps nothing of it', async () => {
      await start('--any', 'nothing');
      const wrong = await made.addImage({ layers: [randomBytes(2 * MIB)] }, 'wrong');
      await registry.push(made.folder, 'wrong', 'wrong');
      const [rotten = NOTHING] = wrong.layers;
      const hex = hexOf(rotten);
      const stored = join(storage('ds'), `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
      const bytes = await readFile(stored);
      bytes[MIB] = (bytes[MIB] ?? 0) ^ 1;
      await writeFile(stored, bytes);
      const file = join(folder, 'wrong');
      const { exitCode } = await curl('-o', file, blobUrl(rotten, 'ds.local/wrong'));
      expect(exitCode).toBe(18);
      expect(await sizeOf(file)).toBeLessThanOrEqual(rotten.size - WITHHELD);
      expect(await mirror?.blobs()).toEqual([]);
    });

    describe('while its datastore is away', () => {
      const NAME = `${MIRROR_PLACE}/ds.local/app`;
      const copy = (name: string, to: string) =>
        lab.host.run([
          'skopeo',
          'copy',
          '--src-tls-verify=false',
          `docker://${name}`,
          `oci:${join(folder, to)}:1`,
        ]);

      it('gives a tag as it was, says so, and promises nothing that is not here', async () => {
        const cache = await start();
        expect((await copy(`${NAME}:1`, 'fresh')).exitCode).toBe(0);
        await registry.push(made.folder, '1', 'app-of-none');
        // Of this one its manifest alone is here.
        expect(await head('ds.local/app-of-none/manifests/1')).toMatch(/^http\/1.1 200/);
        await rm(join(cache, 'blobs', 'sha256', hexOf(layer)));
        expect((await copy(`${NAME}:1`, 'again')).exitCode).toBe(0);
        await registry.stop();
        const away = await head('ds.local/app/manifests/1');
        expect(away).toMatch(/^http\/1.1 200/);
        expect(away).toContain(image.manifest.digest);
        expect(away).toMatch(/\nage: \d+/);
        expect(away).toContain('warning: 111');
        expect((await copy(`${NAME}:1`, 'away')).exitCode).toBe(0);
        expect(mirror?.log()).toContain('nobody answers: a tag as it was');
        expect(await head('ds.local/app/manifests/never')).toMatch(/^http\/1.1 (?:404|502)/);
        await mirror?.end('SIGKILL');
        mirror = await startMirror(lab.host, cache);
        expect(await head('ds.local/app/manifests/1')).toMatch(/^http\/1.1 200/);
        // A layer is gone: then the whole image is not promised.
        await rm(join(cache, 'blobs', 'sha256', hexOf(layer)));
        expect(await head('ds.local/app/manifests/1')).toMatch(/^http\/1.1 (?:404|502)/);
        registry = await startRegistry();
        const back = await head('ds.local/app/manifests/1');
        expect(back).toMatch(/^http\/1.1 200/);
        expect(back).not.toContain('age:');
      });

      it('has content by its digest from another one, and tags by leave alone', async () => {
        await start();
        const { digest } = others.manifest;
        expect((await copy(`${NAME}@${digest}`, 'other')).exitCode).toBe(0);
        expect(await head(`library/app/manifests/${digest}?ns=docker.io`)).toMatch(/^http\/1.1 200/);
        expect(await head('library/app/manifests/2?ns=docker.io')).toMatch(/^http\/1.1 404/);
        expect(await head('ds.local/app/manifests/2')).toMatch(/^http\/1.1 404/);
        await mirror?.end('SIGKILL');
        await start('--any', 'tags');
        expect(await head('library/app/manifests/2?ns=docker.io')).toContain(digest);
        // A name that names a datastore is that one's word alone.
        expect(await head('ds.local/app/manifests/2')).toMatch(/^http\/1.1 404/);
        await mirror?.end('SIGKILL');
        await start('--any', 'nothing');
        expect(await head(`library/app/manifests/${digest}?ns=docker.io`)).toMatch(/^http\/1.1 404/);
      });
    });

    it('keeps no more than it may, and says of what is larger that it is', async () => {
      const cache = await start('--cache-size', '3M');
      const usedBytes = async () =>
        Number((await lab.host.mustRun(['du', '-sb', join(cache, 'blobs')])).split('\t')[0]);
      const images: Descriptor[] = [];
      for (const tag of ['a', 'b', 'c']) {
        const each = await made.addImage({ layers: [randomBytes(MIB + 100_000)] }, tag);
        await registry.push(made.folder, tag, 'many');
        images.push(each.layers[0] ?? NOTHING);
      }
      for (const each of images) {
        const got = join(folder, 'got');
        expect((await curl('-o', got, blobUrl(each, 'ds.local/many'))).exitCode).toBe(0);
        expect(await sha256Of(got)).toBe(hexOf(each));
        expect(await usedBytes()).toBeLessThan(3 * MIB + 64 * 1024);
      }
      expect(await mirror?.blobs()).toEqual(images.slice(1).map(hexOf).sort());
      const large = await curl('-w', '\n%{http_code}', blobUrl(layer));
      expect(large.stdout).toMatch(/--cache-size[\s\S]*\n507$/);
    });

    it('shows a registry what stands for it in a file, and says that clients are to put it there', async () => {
      const closed = await startDebianRegistry(ds, {
        ...{ folder: join(folder, 'closed'), port: 5000, htpasswd: HTPASSWD },
      });
      const to = 'docker://127.0.0.1:5000/app:1';
      const push = [
        'skopeo',
        'copy',
        '--preserve-digests',
        '--dest-tls-verify=false',
        '--dest-creds=puller:secret',
      ];
      await ds.mustRun([...push, `oci:${made.folder}:1`, to]);
      await start();
      const path = 'ds.local:5000/app/manifests/1';
      const own = await curl('-w', '%{http_code}', '-u', 'puller:secret', url(path));
      expect(own.stdout).toMatch(/--registry-auth[\s\S]*403$/);
      expect(await head(path)).toMatch(/^http\/1.1 403/);
      await mirror?.end('SIGKILL');
      const auth = join(folder, 'auth.json');
      await lab.host.mustRun([
        ...['skopeo', 'login', '--tls-verify=false', '--authfile', auth, '-u', 'puller', '-p', 'secret'],
        '10.1.0.5:5000',
      ]);
      await writeFile(auth, (await readFile(auth, 'utf8')).replace('10.1.0.5', 'ds.local'));
      await start('--registry-auth', auth, '--log-level', 'debug');
      expect(await head(path)).toContain(image.manifest.digest);
      expect((await curl('-o', '/dev/null', blobUrl(layer, 'ds.local:5000/app'))).exitCode).toBe(0);
      expect(mirror?.log()).not.toMatch(/secret|cHVsbGVy/);
      await closed.stop();
    });

    it('finds damage of the disk when it is told to, and before it gives a part', async () => {
      const cache = await start();
      const file = join(cache, 'blobs', 'sha256', hexOf(layer));
      await curl('-o', '/dev/null', blobUrl(layer));
      const verify = () => lab.host.run(eveAgent('mirror', '--cache', cache, '--verify'));
      expect(await verify()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all are right') });
      const damage = async () => {
        const bytes = await readFile(file);
        bytes[MIB] = (bytes[MIB] ?? 0) ^ 1;
        await writeFile(file, bytes);
        return bytes[MIB];
      };
      await damage();
      expect(await verify()).toMatchObject({
        exitCode: 5,
        stdout: expect.stringContaining(`removed ${layer.digest}`),
      });
      await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
      await curl('-o', '/dev/null', blobUrl(layer));
      const right = (await readFile(file))[MIB];
      expect(await damage()).not.toBe(right);
      const part = join(folder, 'part');
      await curl('-r', `${MIB}-${MIB}`, '-o', part, blobUrl(layer));
      expect((await readFile(part))[0]).toBe(right);
    });
  },
);
