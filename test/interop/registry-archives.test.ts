// SPDX-License-Identifier: Apache-2.0
/** Container archives that foreign programs wrote, dropped among the images, and pulled by a foreign program. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

const run = promisify(execFile);

describeWith(['skopeo', 'podman', 'root', 'curl'], 'archives of foreign programs', () => {
  let folder: string;
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let image: MadeImage;
  let pulls = 0;

  const skopeo = (...args: readonly string[]) => run('skopeo', args);
  /** The manifest that is pulled, with the digest of its config, which engines call the image's id. */
  async function pull(name: string): Promise<{ config: { digest: string }; layers: { digest: string }[] }> {
    pulls += 1;
    const to = join(folder, `pulled-${pulls}`);
    const from = `docker://127.0.0.1:${datastore.port}/${name}`;
    await skopeo('copy', '--src-tls-verify=false', from, `dir:${to}`);
    return JSON.parse(await readFile(join(to, 'manifest.json'), 'utf8'));
  }
  const catalog = async () =>
    ((await datastore.json('/v2/_catalog')) as { repositories: string[] }).repositories;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-archives-'));
    place = await createDatastoreFolder();
    const made = await createImageLayout(join(folder, 'made'));
    image = await made.addImage({ layers: [randomBytes(700_000), randomBytes(1000)] }, '1');
    const from = `oci:${made.folder}:1`;
    const archives = join(folder, 'archives');
    await mkdir(archives);
    const podman = [
      '--root',
      join(folder, 'podman'),
      '--runroot',
      join(folder, 'podman-run'),
      '--storage-driver=vfs',
    ];
    await skopeo('copy', from, `docker-archive:${archives}/skopeo.tar:lab/app:1`);
    await skopeo('copy', '--preserve-digests', from, `oci-archive:${archives}/layout.tar:1`);
    await run('podman', [...podman, 'load', '-q', '-i', `${archives}/skopeo.tar`]);
    const { stdout: id } = await run('podman', [...podman, 'images', '-q', '--no-trunc']);
    await run('podman', [...podman, 'save', '-q', '-o', `${archives}/Podman.tar`, id.trim()]);
    for (const name of ['skopeo.tar', 'layout.tar', 'Podman.tar']) {
      await place.put(`saved/${name}`, await readFile(join(archives, name)));
    }
    datastore = await place.start();
    const all = ['archives/saved/layout', 'archives/saved/podman', 'archives/saved/skopeo'];
    await vi.waitFor(async () => expect(await catalog()).toEqual(all), { timeout: 600_000, interval: 100 });
  });
  afterAll(async () => {
    await place.remove();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['skopeo’s docker-archive', 'archives/saved/skopeo:1'],
    ['podman’s docker-archive, which names nothing', 'archives/saved/podman:latest'],
    ['an image layout', 'archives/saved/layout:1'],
  ])('%s is the image that it was', async (_title, name) => {
    const { config, layers } = await pull(name);
    expect(config.digest).toBe(image.config.digest);
    expect(layers).toHaveLength(image.layers.length);
  });

  it('an image layout keeps its manifest', async () => {
    const { headers } = await datastore.get(`/v2/archives/saved/layout/manifests/${image.manifest.digest}`);
    expect(headers['docker-content-digest']).toBe(image.manifest.digest);
  });

  it('a layer is served from the archive, in ranges too', async () => {
    const [layer] = image.layers;
    const path = `/v2/archives/saved/layout/blobs/${layer?.digest}`;
    const whole = await datastore.get(path);
    expect(whole.body).toHaveLength(layer?.size ?? 0);
    const part = await datastore.get(path, { range: 'bytes=1000-1999' });
    expect(part.status).toBe(206);
    expect(part.body.equals(whole.body.subarray(1000, 2000))).toBe(true);
    expect(await place.incoming()).toEqual([]);
  });

  it('takes no pushes there', async () => {
    const { status } = await datastore.request('POST', '/v2/archives/saved/layout/blobs/uploads/');
    expect(status).toBe(405);
  });

  it('goes with its file', async () => {
    await datastore.request('DELETE', '/saved/skopeo.tar');
    expect(await catalog()).toEqual(['archives/saved/layout', 'archives/saved/podman']);
    expect((await datastore.get('/v2/archives/saved/skopeo/manifests/1')).status).toBe(404);
  });
});
