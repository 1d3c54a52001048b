// SPDX-License-Identifier: Apache-2.0
/** The commands for images of the registry, beside a datastore that runs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import { createRepositoryClient, indexOf, type RepositoryClient, someImage } from './registry-content.ts';

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
let image = someImage();

beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'lab/app');
});
afterAll(() => place?.remove());
beforeEach(async () => {
  image = someImage();
  await repository.pushImage(image, '1');
});

const run = (...args: string[]) =>
  place.runPlain('registry', ...args, '--state', place.state, '--url', datastore.url);
const runJson = async (...args: string[]) =>
  readDatastoreJson(['registry', ...args], (await run(...args, '--json')).stdout);
const statusOf = async (reference: string) => (await repository.get(`manifests/${reference}`)).status;

it('list and show what there is', async () => {
  await repository.putManifest(indexOf([image]), 'many');
  expect((await run('list')).stdout).toMatch(/^lab\/app {2}pushed {2}\d+ tags? {2}/);
  expect(await runJson('list')).toMatchObject({ repositories: [{ name: 'lab/app', kind: 'pushed' }] });
  expect((await run('show', 'lab/app')).stdout).toContain(`1  ${image.descriptor.digest}  image  `);
  const { tags } = await runJson('show', 'lab/app');
  expect(tags).toContainEqual(expect.objectContaining({ tag: 'many', platforms: ['linux/amd64'] }));
  expect(await runJson('upstreams')).toEqual({ upstreams: [], imports: [] });
});

it('take a name in capital letters for one in small letters, and say so', async () => {
  const shown = await run('show', 'Lab/App');
  expect([shown.exitCode, shown.stderr]).toEqual([0, expect.stringContaining('is taken for "lab/app"')]);
});

it('tag, release, untag and delete', async () => {
  const { digest } = image.descriptor;
  expect(await runJson('tag', 'lab/app:1', 'stable')).toEqual({
    repository: 'lab/app',
    tag: 'stable',
    digest,
  });
  expect((await run('release', 'lab/app:stable')).stderr).toBe('lab/app:stable is released\n');
  const refused = await run('untag', 'lab/app:stable');
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('was released')]);
  expect((await run('release', 'lab/app:stable', '--undo')).exitCode).toBe(0);
  expect((await run('untag', 'lab/app:stable')).exitCode).toBe(0);
  expect([await statusOf('stable'), await statusOf('1')]).toEqual([404, 200]);
  expect(await runJson('delete', 'lab/app:1')).toEqual({ repository: 'lab/app', digest });
  expect([await statusOf('1'), await statusOf(digest)]).toEqual([404, 404]);
});

it('validate reads all of a repository, and fails where something is wrong', async () => {
  await createRepositoryClient(datastore, 'lab/checked').pushImage(image, '1');
  expect(await runJson('validate', 'lab/checked')).toMatchObject({ checked: 3, problems: [] });
  const digest = image.blobs[1]?.descriptor.digest ?? '';
  const blobs = join(place.root, '.oci', 'blobs');
  const file =
    (await readdir(blobs, { recursive: true })).find((each) => each.endsWith(digest.slice(7))) ?? '';
  await promisify(execFile)('sh', ['-c', `printf x | dd of="$1" conv=notrunc`, 'sh', join(blobs, file)]);
  const { exitCode, stdout, stderr } = await run('validate', 'lab/checked');
  expect([exitCode, stdout]).toEqual([5, `${digest}  damaged\n`]);
  expect(stderr).toContain('missing or damaged: 1 part');
});

it('gc says what it would do, and does nothing', async () => {
  await run('untag', 'lab/app:1');
  const { exitCode, stdout, stderr } = await run('gc');
  expect([exitCode, stderr]).toEqual([0, 'nothing was changed: --yes does it\n']);
  expect(stdout).toMatch(/\S/);
  expect(await runJson('gc', '--yes')).toMatchObject({ isApplied: true, paused: null });
});

describe('export', () => {
  it.each(['oci-archive', 'docker-archive'])('writes the whole of a %s, the same each time', async (form) => {
    const [one, other] = [join(place.folder, `${form}-1.tar`), join(place.folder, `${form}-2.tar`)];
    for (const out of [one, other]) {
      const named = ['--name', 'ds.local/lab/app:1'];
      expect(await run('export', 'lab/app:1', '--form', form, ...named, '--out', out)).toMatchObject({
        ...{ exitCode: 0, stdout: '', stderr: expect.stringContaining(out) },
      });
    }
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
    const { stdout } = await promisify(execFile)('tar', ['-xOf', one, 'manifest.json']);
    expect(JSON.parse(stdout)[0].RepoTags).toEqual(['ds.local/lab/app:1']);
    expect((await readdir(place.folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('writes a layout in a folder, which has all that the name leads to', async () => {
    const out = join(place.folder, 'layout');
    const exported = await runJson('export', 'lab/app:1', '--form', 'oci-layout', '--out', out);
    expect(exported).toMatchObject({ folder: out, form: 'oci-layout', keptBytes: 0, expected: 0 });
    const index = JSON.parse(await readFile(join(out, 'index.json'), 'utf8'));
    expect(index.manifests).toEqual([
      expect.objectContaining({
        digest: exported.images[0].digest,
        annotations: { 'io.containerd.image.name': 'lab/app:1', 'org.opencontainers.image.ref.name': '1' },
      }),
    ]);
    for (const name of await readdir(join(out, 'blobs/sha256'))) {
      const bytes = await readFile(join(out, 'blobs/sha256', name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
    }
    const back = await place.runPlain(
      ...['import', `oci:${out}`, '--as', 'lab/back'],
      ...['--state', place.state, '--url', datastore.url],
    );
    expect([back.exitCode, back.stderr]).toEqual([0, '']);
    expect((await runJson('show', 'lab/back')).tags).toMatchObject([{ digest: exported.images[0].digest }]);
  });

  it('keeps of a layout what is right, and writes the rest anew', async () => {
    const out = join(place.folder, 'again');
    const write = () => runJson('export', 'lab/app:1', '--form', 'oci-layout', '--out', out);
    const { writtenBytes } = await write();
    expect(await write()).toMatchObject({ writtenBytes: 0, keptBytes: writtenBytes });
    const folder = join(out, 'blobs/sha256');
    const sizeOf = async (name: string) => (await stat(join(folder, name))).size;
    const [damaged = '', cut = '', missing = ''] = await readdir(folder);
    const sizeBytes = (await sizeOf(damaged)) + (await sizeOf(cut)) + (await sizeOf(missing));
    await writeFile(join(folder, damaged), Buffer.alloc(await sizeOf(damaged), 'x'));
    // As a run that was killed leaves it, once with what was there and once with something else.
    await writeFile(join(folder, `${cut}.partial`), (await readFile(join(folder, cut))).subarray(0, 10));
    await writeFile(join(folder, `${missing}.partial`), 'another');
    for (const name of [cut, missing]) await rm(join(folder, name));
    await rm(join(out, 'index.json'));
    expect(await write()).toMatchObject({ writtenBytes: sizeBytes, keptBytes: writtenBytes - sizeBytes });
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
    }
    expect((await readdir(out)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('puts several images into one layout, also one after another', async () => {
    await runJson('tag', 'lab/app:1', '2');
    const out = join(place.folder, 'several');
    await runJson('export', 'lab/app:1', '--form', 'oci-layout', '--name', 'ds.local/a:1', '--out', out);
    await createRepositoryClient(datastore, 'lab/db').pushImage(image, '1');
    await runJson('export', 'lab/app:1', 'lab/app:2', '--form', 'oci-layout', '--out', out);
    await runJson('export', 'lab/app:1', 'lab/db:1', '--form', 'oci-layout', '--out', out);
    await runJson('export', 'lab/app:1', '--form', 'oci-layout', '--name', 'ds.local/a:1', '--out', out);
    const { manifests } = JSON.parse(await readFile(join(out, 'index.json'), 'utf8'));
    const names = manifests.map(({ annotations }: { annotations: Record<string, string> }) => [
      annotations['io.containerd.image.name'],
      annotations['org.opencontainers.image.ref.name'],
    ]);
    expect(names).toEqual([
      ['lab/app:2', '2'],
      ['lab/app:1', 'lab/app:1'],
      ['lab/db:1', 'lab/db:1'],
      ['ds.local/a:1', '1'],
    ]);
  });

  it('leaves out what the other side has', async () => {
    const have = join(place.folder, 'have.json');
    await writeFile(have, JSON.stringify(await runJson('inventory')));
    const out = join(place.folder, 'delta');
    const args = ['export', 'lab/app:1', '--form', 'oci-layout', '--except', have, '--out', out];
    const { expected, writtenBytes } = await runJson(...args);
    expect(expected).toBeGreaterThan(0);
    const names = await readdir(join(out, 'blobs/sha256'));
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(out, 'blobs/sha256', name))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(writtenBytes);
    const back = await place.runPlain(
      ...['import', `oci:${out}`, '--as', 'lab/delta'],
      ...['--state', place.state, '--url', datastore.url],
    );
    expect([back.exitCode, back.stderr]).toEqual([0, '']);
  });

  it('writes no layout into what holds something else', async () => {
    const out = join(place.folder, 'foreign');
    await mkdir(out);
    await writeFile(join(out, 'mine.txt'), 'x');
    const args = ['export', 'lab/app:1', '--form', 'oci-layout', '--out'];
    expect(await run(...args, out)).toMatchObject({
      ...{ exitCode: 2, stdout: '', stderr: expect.stringContaining('it holds "mine.txt"') },
    });
    expect(await run(...args, join(out, 'mine.txt'))).toMatchObject({
      ...{ exitCode: 2, stderr: expect.stringContaining('it is no folder') },
    });
    expect(await readdir(out)).toEqual(['mine.txt']);
    const other = join(place.folder, 'other');
    await mkdir(other);
    await writeFile(join(other, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(join(other, 'index.json'), 'no JSON');
    expect(await run(...args, other)).toMatchObject({
      ...{ exitCode: 2, stderr: expect.stringContaining('is no index of images') },
    });
    expect(await readdir(other)).toHaveLength(2);
  });

  it('goes to standard output', async () => {
    expect((await run('export', 'lab/app:1', '--out', '-')).stdout).toContain('oci-layout');
  });

  it('leaves nothing where it cannot be written', async () => {
    const out = join(place.folder, 'absent', 'x.tar');
    const { exitCode, stderr } = await run('export', 'lab/app:1', '--out', out);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${out} cannot be written`)]);
  });
});

it.each([
  [['show', 'lab/none'], 2, 'There is no repository "lab/none"'],
  [['untag', 'lab/app'], 2, 'such as lab/app:1.2'],
  [['untag', `lab/app@sha256:${'0'.repeat(64)}`], 2, 'a tag is meant here'],
  [['untag', 'lab/app:none'], 2, 'There is no none'],
  [['tag', 'lab/app:none', 'x'], 2, 'there is no image lab/app:none'],
  [['tag', 'lab/app:1', 'a b'], 2, 'A tag is'],
  [['delete', 'lab/app@sha256:12'], 2, 'is no digest'],
  [['release', 'lab/app:none'], 2, 'There is no none'],
  [['validate', 'lab/none'], 2, 'There is no repository'],
  [['export', 'lab/app:none'], 2, 'There is no image'],
  [['export', 'lab/app:1', '--platform', 'linux'], 2, 'A platform such as'],
  [['export', 'lab/app:1', '--name', 'x'], 2, '"name": A reference is'],
  [['export', 'lab/app:1', '--form', 'oci-layout'], 2, '--out is needed'],
  [['export', 'lab/app:1', '--form', 'oci-layout', '--out', '-'], 2, '--out is needed'],
  [['export', 'lab/app:1', '--form', 'oci-layout', '--out', 'x', '--chunk', '4G'], 2, '--chunk is for files'],
  [['export', 'lab/app:1', '--form', 'oci-layout', '--out', 'x', '--name', 'y'], 2, '--name: A reference is'],
  [
    ['export', 'lab/app:1', 'lab/b', '--form', 'oci-layout', '--out', 'x', '--name', 'a.b/c:1'],
    2,
    'for one image',
  ],
  [['export', 'lab/app:none', '--form', 'oci-layout', '--out', 'x'], 2, 'there is no image lab/app:none'],
])('%j is refused', async (args, exitCode, message) => {
  expect(await run(...args)).toMatchObject({
    exitCode,
    stdout: '',
    stderr: expect.stringContaining(message),
  });
});

it('says what to do where no datastore answers, or there is no token', async () => {
  const nobody = await place.runPlain(
    'registry',
    'list',
    '--state',
    place.state,
    '--url',
    'http://127.0.0.1:9',
  );
  expect([nobody.exitCode, nobody.stderr]).toEqual([
    3,
    expect.stringContaining('start it, name it with --url, or work on its folders with --offline'),
  ]);
  const variables = { DATASTORE_WRITE_TOKEN: '' };
  const untold = await place.runPlainWith(
    variables,
    'registry',
    'list',
    '--state',
    join(place.folder, 'none'),
  );
  expect(untold.exitCode).toBe(2);
});
