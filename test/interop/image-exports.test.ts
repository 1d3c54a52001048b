// SPDX-License-Identifier: Apache-2.0
/** Images of the registry as archives, read by foreign programs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRepositoryClient, type Image, indexOf, someImage } from '../integration/registry-content.ts';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

const run = promisify(execFile);
const EXPORT = '/-/api/v1/registry/export';

describeWith(['skopeo', 'podman', 'umoci', 'root', 'curl'], 'exports of images', () => {
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let made: MadeImage;
  const parts: readonly Image[] = [someImage(), someImage()];
  const index = indexOf(parts);

  /** Exports an image as a user does. */
  async function exportTo(file: string, image: string): Promise<string> {
    const target = join(place.folder, file);
    await run('curl', ['-sSf', '-o', target, `${datastore.url}${EXPORT}/${image}`]);
    return target;
  }

  beforeAll(async () => {
    place = await createDatastoreFolder();
    datastore = await place.start();
    const layout = await createImageLayout(join(place.folder, 'made'));
    made = await layout.addImage({ layers: [Buffer.alloc(1024), Buffer.alloc(2048)] }, '1');
    const to = `docker://127.0.0.1:${datastore.port}/lab/app:1`;
    const login = `admin:${WRITE_TOKEN}`;
    const options = ['--dest-tls-verify=false', '--preserve-digests', '--dest-creds', login];
    await run('skopeo', ['copy', ...options, `oci:${layout.folder}:1`, to]);
    const repository = createRepositoryClient(datastore, 'lab/many');
    for (const part of parts) await repository.pushImage(part);
    await repository.putManifest(index, 'both');
  });
  afterAll(() => place?.remove());

  it('an index is there with the digest that was pushed', async () => {
    const file = await exportTo('index.tar', 'lab/many:both');
    const { stdout } = await run('skopeo', ['inspect', '--raw', `oci-archive:${file}`]);
    expect(`sha256:${createHash('sha256').update(stdout).digest('hex')}`).toBe(index.descriptor.digest);
  });

  it.each(['oci-archive', 'docker-archive'])('an image keeps its id as %s', async (form) => {
    const file = await exportTo(`${form}.tar`, `lab/app:1?format=${form}`);
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--config', `${form}:${file}`]);
    expect(`sha256:${createHash('sha256').update(stdout).digest('hex')}`).toBe(made.config.digest);
  });

  it('skopeo and umoci read a layout in a folder, with the digests that were pushed', async () => {
    const out = join(place.folder, 'layout');
    for (const image of ['lab/app:1', 'lab/many:both']) {
      const { exitCode, stderr } = await place.runPlain(
        ...['registry', 'export', image, '--form', 'oci-layout', '--out', out],
        ...['--state', place.state, '--url', datastore.url],
      );
      expect([exitCode, stderr]).toEqual([0, expect.stringContaining(out)]);
    }
    const { stdout: raw } = await run('skopeo', ['inspect', '--raw', `oci:${out}:both`]);
    expect(`sha256:${createHash('sha256').update(raw).digest('hex')}`).toBe(index.descriptor.digest);
    const { stdout: config } = await run('skopeo', ['inspect', '--raw', '--config', `oci:${out}:1`]);
    expect(`sha256:${createHash('sha256').update(config).digest('hex')}`).toBe(made.config.digest);
    await run('skopeo', ['copy', '-q', '--all', `oci:${out}:both`, `dir:${join(place.folder, 'copied')}`]);
    expect((await run('umoci', ['ls', '--layout', out])).stdout.split('\n').sort()).toEqual([
      '',
      '1',
      'both',
    ]);
  });

  it('podman loads it by the name that it is pulled by', async () => {
    const file = await exportTo('podman.tar', 'lab/app:1?format=docker-archive');
    const storage = ['--root', join(place.folder, 'podman'), '--runroot', join(place.folder, 'podman-run')];
    const podman = [...storage, '--storage-driver=vfs'];
    await run('podman', [...podman, 'load', '-q', '-i', file]);
    const { stdout } = await run('podman', [
      ...podman,
      'images',
      '-q',
      '--no-trunc',
      `127.0.0.1:${datastore.port}/lab/app:1`,
    ]);
    expect(stdout.trim()).toBe(made.config.digest);
  });

  it('what is exported can be dropped among the images', async () => {
    const file = await exportTo('again.tar', 'lab/app:1');
    await run('curl', [
      '-sSf',
      '-H',
      `Authorization: Bearer ${WRITE_TOKEN}`,
      '-T',
      file,
      `${datastore.url}/again.tar`,
    ]);
    const path = '/v2/archives/again/manifests/1';
    await expect.poll(async () => (await datastore.get(path)).status).toBe(200);
    expect((await datastore.get(path)).headers['docker-content-digest']).toBe(made.manifest.digest);
  });
});
