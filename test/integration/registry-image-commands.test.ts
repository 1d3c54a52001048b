/** The commands for images of the registry, beside a datastore that runs. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
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
const runJson = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
const statusOf = async (reference: string) => (await repository.get(`manifests/${reference}`)).status;

it('list and show what there is', async () => {
  await repository.putManifest(indexOf([image]), 'many');
  expect((await run('list')).stdout).toMatch(/^lab\/app {2}pushed {2}\d+ tag\(s\) {2}/);
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
  expect(stderr).toContain('1 part(s) are missing or damaged');
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
