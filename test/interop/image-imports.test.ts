// SPDX-License-Identifier: Apache-2.0
/** Images that foreign programs saved, imported; and pulled by them again. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

const run = promisify(execFile);
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describeWith(['skopeo', 'podman', 'umoci', 'root', 'curl'], 'imports of images', () => {
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let made: MadeImage;
  let layout: string;
  const file = (name: string) => join(place.folder, name);
  const at = (image: string) => `docker://127.0.0.1:${datastore.port}/${image}`;
  const importInto = (to: LoopbackDatastore, folder: DatastoreFolder, ...args: string[]) =>
    folder.runPlain(...args, '--state', folder.state, '--url', to.url);
  const command = (...args: string[]) => importInto(datastore, place, ...args);

  /** Imports without a word of complaint. */
  async function mustImport(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await command('import', ...args);
    expect([exitCode, stderr]).toEqual([0, '']);
  }
  /** The digests of manifest and config, as skopeo finds them by pulling. */
  async function pulled(image: string, datastoreAt = at): Promise<{ manifest: string; config: string }> {
    const inspect = ['inspect', '--tls-verify=false', '--raw'];
    const { stdout: manifest } = await run('skopeo', [...inspect, datastoreAt(image)]);
    const { stdout: config } = await run('skopeo', [...inspect, '--config', datastoreAt(image)]);
    return { manifest: sha256(manifest), config: sha256(config) };
  }
  async function copyAll(image: string, datastoreAt = at): Promise<void> {
    const target = `dir:${file(`pulled-${image.replace(/\W/g, '-')}`)}`;
    await run('skopeo', ['copy', '-q', '--all', '--src-tls-verify=false', datastoreAt(image), target]);
  }

  beforeAll(async () => {
    place = await createDatastoreFolder();
    datastore = await place.start();
    const created = await createImageLayout(file('layout'));
    layout = created.folder;
    made = await created.addImage({ layers: [Buffer.alloc(100_000, 'a'), Buffer.alloc(200_000, 'b')] }, '1');
  });
  afterAll(() => place?.remove());

  it.each([
    ['oci-archive', true],
    ['docker-archive', false],
  ])(
    'skopeo’s %s, plain and compressed',
    async (form, hasManifest) => {
      const name = `lab/${form}:1`;
      const archive = file(`${form}.tar`);
      // skopeo compresses layers on the way, unless it is told not to.
      const how = hasManifest ? ['--preserve-digests'] : [];
      await run('skopeo', ['copy', '-q', ...how, `oci:${layout}:1`, `${form}:${archive}:${name}`]);
      await run('gzip', ['--keep', archive]);
      await run('zstd', ['-q', '-19', archive]);
      // It writes a frame a piece, with another one to be skipped before each.
      await run('pzstd', ['-q', '-p', '2', archive, '-o', file(`${form}.pieces.tar.zst`)]);
      await mustImport(archive);
      await mustImport(`${archive}.gz`, '--as', `lab/${form}:gz`);
      await mustImport(`${archive}.zst`, '--as', `lab/${form}:zst`);
      await mustImport(file(`${form}.pieces.tar.zst`), '--as', `lab/${form}:pieces`);
      for (const tag of ['1', 'gz', 'zst', 'pieces']) {
        const found = await pulled(`lab/${form}:${tag}`);
        expect(found.config).toBe(made.config.digest);
        if (hasManifest) expect(found.manifest).toBe(made.manifest.digest);
      }
      await copyAll(name);
    },
    60_000,
  );

  it('what podman saves of several images', async () => {
    const storage = ['--root', file('podman'), '--runroot', file('podman-run'), '--storage-driver=vfs'];
    const podman = (...args: string[]) => run('podman', [...storage, ...args]);
    await run('skopeo', [
      'copy',
      '-q',
      `oci:${layout}:1`,
      `oci-archive:${file('load.tar')}:localhost/lab/podman:1`,
    ]);
    await podman('load', '-q', '-i', file('load.tar'));
    await podman('tag', 'localhost/lab/podman:1', 'localhost/lab/podman:2');
    await podman(
      'save',
      '-q',
      '--multi-image-archive',
      '-o',
      file('multi.tar'),
      'localhost/lab/podman:1',
      'localhost/lab/podman:2',
    );
    await mustImport(file('multi.tar'));
    expect((await pulled('lab/podman:1')).config).toBe(made.config.digest);
    expect((await pulled('lab/podman:2')).config).toBe(made.config.digest);
    await podman('save', '-q', '--format', 'oci-archive', '-o', file('oci.tar'), 'localhost/lab/podman:1');
    await mustImport(file('oci.tar'), '--as', 'lab/podman:oci');
    expect((await pulled('lab/podman:oci')).config).toBe(made.config.digest);
    await podman('pull', '-q', '--tls-verify=false', `127.0.0.1:${datastore.port}/lab/podman:2`);
  });

  it('a layout of umoci', async () => {
    const folder = file('umoci');
    await cp(layout, folder, { recursive: true });
    await run('umoci', ['unpack', '--image', `${folder}:1`, file('bundle')]);
    await mkdir(file('bundle/rootfs/new'), { recursive: true });
    await writeFile(file('bundle/rootfs/new/file'), 'new');
    await run('umoci', ['repack', '--image', `${folder}:2`, file('bundle')]);
    await mustImport(`oci:${folder}`, '--as', 'lab/umoci');
    expect((await pulled('lab/umoci:1')).manifest).toBe(made.manifest.digest);
    await copyAll('lab/umoci:2');
  });

  it('a delta over the gap, pulled by skopeo with the same digests', async () => {
    const site = await createDatastoreFolder();
    try {
      const there = await site.start();
      const outside = file('outside');
      await cp(file('umoci'), outside, { recursive: true });
      await mustImport(`oci:${outside}`, '--as', 'lab/delta');
      const atSite = (image: string) => `docker://127.0.0.1:${there.port}/${image}`;
      const login = ['--dest-tls-verify=false', '--preserve-digests', '--dest-creds', `admin:${WRITE_TOKEN}`];
      await run('skopeo', ['copy', '-q', ...login, `oci:${outside}:1`, atSite('lab/delta:1')]);
      const inventory = await importInto(there, site, 'registry', 'inventory');
      await writeFile(file('have.json'), inventory.stdout);
      const out = file('delta');
      const options = ['--except', file('have.json'), '--chunk', '256K', '--out', out];
      const exported = await command('registry', 'export', 'lab/delta:2', ...options, '--json');
      const { files } = JSON.parse(exported.stdout) as { files: { file: string; sizeBytes: number }[] };
      // Less than the layers that are there already.
      expect(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(100_000);
      const imported = await importInto(there, site, 'import', ...files.map((each) => each.file));
      expect([imported.exitCode, imported.stderr]).toEqual([0, '']);
      expect(await pulled('lab/delta:2', atSite)).toEqual(await pulled('lab/delta:2'));
      await copyAll('lab/delta:2', atSite);
    } finally {
      await site.remove();
    }
  });

  it('a set of one file is an archive for skopeo, too', async () => {
    await mustImport(`oci:${layout}`, '--as', 'lab/set');
    await command('registry', 'export', 'lab/set:1', '--chunk', '4G', '--out', file('one'));
    const { stdout } = await run('skopeo', ['inspect', '--raw', `oci-archive:${file('one.1.tar')}`]);
    expect(sha256(stdout)).toBe(made.manifest.digest);
  });

  it('curl sends what comes out of a pipe', async () => {
    const url = `${datastore.url}/-/api/v1/registry/import?name=lab/curl:1`;
    const curl = `curl -sSf -T - -X POST -H 'Authorization: Bearer ${WRITE_TOKEN}' '${url}'`;
    const { stdout } = await run('sh', ['-c', `tar -C '${layout}' -c . | ${curl}`]);
    expect(JSON.parse(stdout)).toMatchObject({
      images: [{ repository: 'lab/curl', tag: '1', digest: made.manifest.digest }],
    });
  });
});

describeWith(['root', 'docker'], 'imports from Docker', () => {
  it('an image of the engine, and what it saves', async () => {
    const place = await createDatastoreFolder();
    const name = 'import-test/app:1';
    try {
      const datastore = await place.start();
      await mkdir(join(place.folder, 'rootfs'));
      await writeFile(join(place.folder, 'rootfs/file'), 'content');
      const archive = join(place.folder, 'saved.tar');
      await run('sh', ['-c', `tar -C '${place.folder}/rootfs' -c . | docker import - ${name}`]);
      const { stdout: id } = await run('docker', ['inspect', '--format', '{{.Id}}', name]);
      await run('docker', ['save', '-o', archive, name]);
      const settings = ['--state', place.state, '--url', datastore.url];
      for (const source of [`docker-daemon:${name}`, archive]) {
        const { exitCode, stderr } = await place.runPlain('import', source, ...settings);
        expect([exitCode, stderr]).toEqual([0, '']);
        const { body } = await datastore.get('/v2/import-test/app/manifests/1');
        expect(JSON.parse(String(body)).config.digest).toBe(id.trim());
      }
    } finally {
      await run('docker', ['image', 'rm', '--force', name]).catch(() => {});
      await place.remove();
    }
  });
});
