// SPDX-License-Identifier: Apache-2.0
/** Images go into the registry and out of it by programs that nobody here wrote, over HTTP and HTTPS. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { createBuildContext } from '../lab/tiny-image.ts';
import { describeWith } from '../requirements.ts';

/** Those that write name a user; whose password is the write token, the user may be called anything. */
const CREDENTIALS = `admin:${WRITE_TOKEN}`;

describeWith(['root', 'skopeo', 'podman', 'buildah', 'umoci'], 'the registry, to clients of Debian’s', () => {
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let folder: string;
  let made: ImageLayout;
  let image: MadeImage;
  let index: { digest: string };
  let authorities: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-clients-'));
    place = await createDatastoreFolder();
    datastore = await place.start('--tls', 'authority');
    authorities = join(folder, 'authorities');
    await mkdir(authorities);
    await copyFile(join(place.state, 'tls/ca.pem'), join(authorities, 'ca.crt'));
    made = await createImageLayout(join(folder, 'made'));
    image = await made.addImage({ layers: [randomBytes(3_000_000), Buffer.from('the last')] }, '1');
    const other = await made.addImage({ layers: [Buffer.from('other')], architecture: 'arm64' });
    index = await made.addIndex({ amd64: image, arm64: other }, 'both');
  });
  afterAll(async () => {
    await place?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(['http', 'https'])('by %s', (scheme) => {
    const isPlain = scheme === 'http';
    const at = (name: string) =>
      `${ADDRESS}:${isPlain ? datastore.port : datastore.tlsPort}/${scheme}/${name}`;
    /** What skopeo, podman and buildah have to be told of the connection. */
    const trust = (prefix = '') =>
      isPlain ? [`--${prefix}tls-verify=false`] : [`--${prefix}cert-dir=${authorities}`];
    const creds = (prefix = '') => [`--${prefix}creds=${CREDENTIALS}`];
    const skopeo = (...args: readonly string[]) => mustRunProgram(['skopeo', ...args]);
    const push = (from: string, name: string, ...args: readonly string[]) =>
      skopeo('copy', ...args, ...trust('dest-'), ...creds('dest-'), from, `docker://${at(name)}`);
    const inspect = async (name: string) =>
      JSON.parse(await skopeo('inspect', ...trust(), `docker://${at(name)}`)) as { Digest: string };

    test('skopeo copies an image in and out, byte for byte, and umoci unpacks it', async () => {
      await push(`oci:${made.folder}:1`, 'lab/app:1', '--preserve-digests');
      expect((await inspect('lab/app:1')).Digest).toBe(image.manifest.digest);
      const layout = join(folder, `${scheme}-layout`);
      const target = `oci:${layout}:1`;
      // It would compress the layers.
      await skopeo('copy', '--preserve-digests', ...trust('src-'), `docker://${at('lab/app:1')}`, target);
      const [hex = ''] = image.manifest.digest.split(':').slice(1);
      const stored = (root: string) => readFile(join(root, 'blobs/sha256', hex));
      expect(await stored(layout)).toEqual(await stored(made.folder));
      const bundle = join(folder, `${scheme}-bundle`);
      await mustRunProgram(['umoci', 'unpack', '--rootless', '--image', `${layout}:1`, bundle]);
      expect(await readFile(join(bundle, 'rootfs/content'), 'utf8')).toBe('the last');
    });

    test('skopeo copies an index with all its images', async () => {
      await push(`oci:${made.folder}:both`, 'lab/both:1', '--all', '--preserve-digests');
      const raw = await skopeo('inspect', '--raw', ...trust(), `docker://${at('lab/both:1')}`);
      expect(JSON.parse(raw).manifests).toHaveLength(2);
      const target = `oci:${join(folder, `${scheme}-both`)}:1`;
      await skopeo('copy', '--all', ...trust('src-'), `docker://${at(`lab/both@${index.digest}`)}`, target);
    });

    test.each(['docker-archive', 'oci-archive'])('skopeo copies out of a %s in the root', async (form) => {
      const path = `${scheme}/${form}.tar`;
      const file = join(folder, `${scheme}-${form}.tar`);
      const name = form === 'oci-archive' ? '1' : 'lab/archived:1';
      await skopeo('copy', `oci:${made.folder}:1`, `${form}:${file}:${name}`);
      const answer = await datastore.request('PUT', `/${path}`, { body: await readFile(file) });
      expect(answer.status).toBe(201);
      const { repositories } = await vi.waitFor(
        async () => {
          const found = (await datastore.json('/v2/_catalog')) as { repositories: string[] };
          expect(found.repositories.some((each) => each.startsWith(`archives/${scheme}/${form}`))).toBe(true);
          return found;
        },
        { timeout: 600_000 },
      );
      const repository = repositories.find((each) => each.startsWith(`archives/${scheme}/${form}`));
      const registry = `${ADDRESS}:${isPlain ? datastore.port : datastore.tlsPort}`;
      const reference = `docker://${registry}/${repository}:1`;
      const target = join(folder, `${scheme}-${form}-copy`);
      await skopeo('copy', ...trust('src-'), reference, `oci:${target}:1`);
      // The configuration is the identity of an image in whatever form.
      const config = async (from: string, ...args: readonly string[]) =>
        await skopeo('inspect', '--config', '--raw', ...args, from);
      expect(await config(`oci:${target}:1`)).toBe(await config(`oci:${made.folder}:1`));
      const into = [...trust('dest-'), ...creds('dest-')];
      const denied = await runProgram(['skopeo', 'copy', ...into, `oci:${made.folder}:1`, reference]);
      expect([denied.exitCode, denied.stderr]).toEqual([
        1,
        expect.stringMatching(/405|unsupported|archives\//i),
      ]);
    });

    test('skopeo lists tags, and deletes an image', async () => {
      for (const tag of ['a', 'b']) await push(`oci:${made.folder}:1`, `lab/tags:${tag}`);
      const list = async () =>
        JSON.parse(await skopeo('list-tags', ...trust(), `docker://${at('lab/tags')}`)).Tags as string[];
      expect(await list()).toEqual(['a', 'b']);
      await skopeo('delete', ...trust(), ...creds(), `docker://${at('lab/tags:a')}`);
      expect(await list()).toEqual([]);
    });

    test('nobody pushes without a credential, or with a wrong one', async () => {
      for (const credential of [['--dest-no-creds'], ['--dest-creds=admin:wrong']]) {
        const target = `docker://${at('lab/denied:1')}`;
        const copy = ['skopeo', 'copy', ...trust('dest-'), ...credential, `oci:${made.folder}:1`, target];
        const { exitCode, stderr } = await runProgram(copy);
        expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/unauthorized|denied|authentication/i)]);
      }
    });

    test('buildah builds and pushes, podman pulls, runs and pushes anew', async () => {
      const store = join(folder, `${scheme}-store`);
      const storage = [
        '--root',
        store,
        '--runroot',
        join(folder, `${scheme}-run`),
        '--storage-driver',
        'vfs',
      ];
      const buildah = (...args: readonly string[]) => mustRunProgram(['buildah', ...storage, ...args]);
      const podman = (...args: readonly string[]) => mustRunProgram(['podman', ...storage, ...args]);
      const context = await createBuildContext(join(folder, `${scheme}-context`), `word-of-${scheme}`);
      await buildah('bud', '--isolation', 'chroot', '-t', at('lab/built:1'), context);
      await buildah('push', ...trust(), ...creds(), at('lab/built:1'));
      await podman('rmi', '--all', '--force');
      await podman('pull', ...trust(), at('lab/built:1'));
      // Limits which a container may have where the tests run in one themselves.
      const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
      const run = ['run', '--rm', '--network', 'none', ...limits, at('lab/built:1')];
      expect(await podman(...run)).toBe(`word-of-${scheme}\n`);
      await podman('tag', at('lab/built:1'), at('lab/again:2'));
      await podman('push', ...trust(), ...creds(), at('lab/again:2'));
      expect((await inspect('lab/again:2')).Digest).toMatch(/^sha256:/);
    });
  });
});
