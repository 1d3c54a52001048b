// SPDX-License-Identifier: Apache-2.0
/** Operations on images, over HTTP and from the command line: what they do, who may, and what nothing can change. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  gptDisk,
  SOUND_IMAGES,
  soundOva,
  soundQcow2,
} from '../../datastore-app/src/formats/testing/sound-images.ts';
import { tar } from '../../shared/src/tar/testing/tar.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import {
  contentOf,
  createRepositoryClient,
  digestOf,
  type RepositoryClient,
  someImage,
} from './registry-content.ts';

const OPERATIONS = '/-/api/v1/operations';
const GRANTS = `version: 1
grants:
  - { who: anonymous, repositories: "lab/disk", actions: pull }
  - { who: "user:alice", repositories: "lab/**", actions: [pull, push, delete] }
  - { who: "user:bob", repositories: "lab/**", actions: [pull, push] }
`;

const soundArchive = () => SOUND_IMAGES['oci-archive']();

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
const logins: Record<string, Record<string, string>> = {};

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.state, { recursive: true });
  await writeFile(join(place.state, 'grants.yaml'), GRANTS);
  for (const user of ['alice', 'bob']) {
    const added = await place.runPlain('registry', 'user', 'add', user, '--state', place.state);
    const basic = Buffer.from(`${user}:${added.stdout.trim()}`).toString('base64');
    logins[user] = { authorization: `Basic ${basic}` };
  }
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'lab/app');
});
afterAll(() => place?.remove());

interface Asked {
  readonly as?: string;
  readonly withToken?: boolean;
}
async function operate(operation: string, body: unknown, { as, withToken = true }: Asked = {}) {
  const answer = await datastore.request('POST', `${OPERATIONS}/${operation}`, {
    ...{ body: JSON.stringify(body), withToken: withToken && as === undefined },
    ...(as !== undefined && { headers: logins[as] }),
  });
  const found = answer.status === 200 ? JSON.parse(answer.body.toString()) : problemOf(answer);
  return found as Record<string, unknown> | string | number;
}
const run = (...args: string[]) => place.runPlain(...args, '--state', place.state, '--url', datastore.url);
const put = (path: string, content: Buffer | string) =>
  datastore.request('PUT', `/${path}`, { body: content });

describe('an image of the root', () => {
  it('is described, validated and read again', async () => {
    await put('app.ova', soundOva());
    expect(await operate('describe', { image: 'app.ova' })).toMatchObject({
      ...{ image: 'app.ova', notice: null, format: 'ova', isReleased: false },
      members: [{ name: 'app.ovf' }, { name: 'app.mf' }, { name: 'd.vmdk', isDisk: true }],
    });
    expect(await operate('validate', { image: 'app.ova' })).toMatchObject({
      checks: ['content', 'sha256'],
      defects: [],
    });
    expect(await operate('update-hash', { image: 'app.ova' })).toMatchObject({ isDifferent: false });
    const damaged = Buffer.from(soundQcow2());
    damaged.fill(0, 2 * 65536, 2 * 65536 + 12);
    await put('bad.qcow2', damaged);
    expect(await operate('validate', { image: 'bad.qcow2' })).toMatchObject({
      defects: [{ code: 'DAMAGED' }],
    });
    const validated = await run('images', 'validate', 'bad.qcow2');
    expect([validated.exitCode, validated.stdout]).toEqual([
      5,
      expect.stringContaining('not counted as used'),
    ]);
  });

  it('gives a disk in it, whole and in pieces', async () => {
    await put('app.ova', soundOva());
    const at = `${OPERATIONS}/extract?image=app.ova`;
    const whole = await datastore.get(at);
    expect(whole.headers).toMatchObject({
      'content-length': '75776',
      'content-disposition': expect.stringContaining('d.vmdk'),
    });
    const piece = await datastore.get(at, { range: 'bytes=0-3' });
    expect([piece.status, piece.body.toString()]).toEqual([206, 'KDMV']);
    expect(problemOf(await datastore.get(`${at}&disk=none`))).toBe('DISK_UNKNOWN');
    await put('plain.img', gptDisk());
    expect(problemOf(await datastore.get(`${OPERATIONS}/extract?image=plain.img`))).toBe('UNSUPPORTED');
    const out = join(place.folder, 'disk.vmdk');
    expect((await run('images', 'extract', 'app.ova', '--out', out)).exitCode).toBe(0);
    expect((await readFile(out)).equals(whole.body)).toBe(true);
  });

  it('that is released stays, whatever way somebody comes', async () => {
    await put('kept/a.img', 'one');
    expect(await operate('release', { image: 'kept/a.img' })).toMatchObject({ isDone: true });
    expect(problemOf(await put('kept/a.img', 'two'))).toBe('IMAGE_RELEASED');
    expect(problemOf(await datastore.request('DELETE', '/kept/a.img'))).toBe('IMAGE_RELEASED');
    expect(problemOf(await datastore.request('DELETE', '/-/api/v1/images/kept/a.img'))).toBe(
      'IMAGE_RELEASED',
    );
    const metadata = `path ${Buffer.from('kept/a.img').toString('base64')},replace ${Buffer.from('true').toString('base64')}`;
    const upload = await datastore.request('POST', '/-/api/v1/uploads', {
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '3', 'upload-metadata': metadata },
    });
    // To a client of tus 409 says that its offset is wrong.
    expect([upload.status, problemOf(upload)]).toEqual([412, 'IMAGE_RELEASED']);
    const bundle = tar(
      { name: 'SHA256SUMS', content: `${digestOf(Buffer.from('two')).slice(7)}  kept/a.img\n` },
      { name: 'kept/a.img', content: 'two' },
    );
    expect(
      problemOf(await datastore.request('POST', '/-/api/v1/import?replace=true', { body: bundle })),
    ).toBe('IMAGE_RELEASED');
    for (const operation of ['remove', 'rename']) {
      expect(
        await operate(operation, { image: 'kept/a.img', ...(operation === 'rename' && { to: 'b' }) }),
      ).toBe('IMAGE_RELEASED');
    }
    await mkdir(join(place.folder, 'kept'), { recursive: true });
    await writeFile(join(place.folder, 'kept', 'a.img'), 'two');
    const added = await place.run(
      'images',
      'add',
      join(place.folder, 'kept', 'a.img'),
      '--to',
      'kept',
      '--replace',
    );
    expect([added.exitCode, added.stderr]).toEqual([2, expect.stringContaining('was released')]);
    expect((await datastore.get('/kept/a.img')).body.toString()).toBe('one');
    const { images } = (await datastore.json('/-/api/v1/images')) as { images: { path: string }[] };
    expect(images.find(({ path }) => path === 'kept/a.img')).toMatchObject({ isReleased: true });
    expect((await run('images', 'release', 'kept/a.img', '--undo')).stdout).toContain('can be changed again');
    expect((await put('kept/a.img', 'two')).status).toBe(200);
  });

  it('has another name at once, and keeps its digest', async () => {
    await put('old/a.img', 'content of it');
    const before = await datastore.json('/-/api/v1/images/old/a.img');
    expect(await operate('rename', { image: 'old/a.img', to: 'new/b.img', dryRun: true })).toMatchObject({
      isDone: false,
    });
    expect((await datastore.get('/old/a.img')).status).toBe(200);
    expect(await operate('rename', { image: 'old/a.img', to: 'new/b.img' })).toMatchObject({ isDone: true });
    expect((await datastore.get('/old/a.img')).status).toBe(404);
    expect(await datastore.json('/-/api/v1/images/new/b.img')).toMatchObject({
      sha256: before.sha256,
      state: 'ready',
    });
    expect(await readdir(place.root)).not.toContain('old');
    await put('c.img', 'another');
    expect(await operate('rename', { image: 'new/b.img', to: 'c.img' })).toBe('IMAGE_EXISTS');
    expect(await operate('rename', { image: 'new/b.img', to: 'v2/x' })).toBe('NAME_RESERVED');
    expect(await operate('rename', { image: 'new/b.img', to: 'oci:x' })).toBe('NAME_RESERVED');
    expect(await operate('rename', { image: 'new/b.img', to: '../x' })).toBe('NAME_INVALID');
  });

  it.each([
    ['describe', 200],
    ['validate', 401],
    ['update-hash', 401],
    ['release', 401],
    ['remove', 401],
    ['rename', 401],
  ])('is for whoever may: %s by anybody is answered with %i', async (operation, status) => {
    await put('open.img', 'x');
    const body = { image: 'open.img', ...(operation === 'rename' && { to: 'y' }) };
    const answer = await operate(operation, body, { withToken: false });
    expect(typeof answer === 'object' ? 200 : answer).toBe(status);
  });

  it.each([
    ['describe', {}, 400],
    ['describe', { image: 'a', more: 1 }, 400],
    ['describe', { image: '/../etc/passwd' }, 'NAME_INVALID'],
    ['describe', { image: '.released.json' }, 'NAME_INVALID'],
    ['describe', { image: 'none' }, 'IMAGE_MISSING'],
    ['describe', { image: 'oci:lab/none' }, 'IMAGE_MISSING'],
    ['describe', { image: 'oci:' }, 'NAME_INVALID'],
    ['describe', { image: `oci:${'a/'.repeat(300)}a` }, 'NAME_INVALID'],
    ['purge', { image: 'open.img' }, 'UNSUPPORTED'],
    ['create', { image: 'open.img', digest: 'x' }, 'UNSUPPORTED'],
    ['create', { image: 'oci:lab/app', digest: 'x' }, 'DIGEST_MISMATCH'],
    ['describe', 'x'.repeat(20_000), 413],
  ])('%s refuses %j', async (operation, body, problem) => {
    await put('open.img', 'x');
    expect(await operate(operation, body)).toBe(problem);
  });
});

describe('a repository', () => {
  let image = someImage();
  beforeEach(async () => {
    image = someImage();
    await repository.pushImage(image, '1');
  });

  it('has another name, which takes delete of the old and push of the new', async () => {
    expect(await operate('rename', { image: 'oci:lab/app', to: 'prod/app' }, { as: 'alice' })).toBe(403);
    expect(await operate('rename', { image: 'oci:lab/app', to: 'lab/moved' }, { as: 'bob' })).toBe(403);
    const renamed = await run('registry', 'rename', 'Lab/App', 'Lab/Moved');
    expect([renamed.exitCode, renamed.stderr]).toEqual([
      0,
      expect.stringContaining('"Lab/App" is taken for "lab/app"'),
    ]);
    expect((await repository.get('manifests/1')).status).toBe(404);
    expect((await createRepositoryClient(datastore, 'lab/moved').get('manifests/1')).status).toBe(200);
    await repository.pushImage(image, '1');
    expect(await operate('rename', { image: 'oci:lab/moved', to: 'LAB/APP' }, { as: 'alice' })).toBe(
      'NAME_TAKEN',
    );
    expect(await operate('purge', { image: 'oci:lab/moved' }, { as: 'bob' })).toBe(403);
    expect(await operate('purge', { image: 'oci:lab/moved' }, { as: 'alice' })).toMatchObject({
      isDone: true,
    });
  });

  it('is numbered by version, and purged', async () => {
    const { digest } = image.descriptor;
    expect(await operate('create', { image: 'oci:lab/app', digest })).toMatchObject({
      version: '1',
      image: 'oci:lab/app:1',
    });
    const next = someImage();
    await repository.pushImage(next, 'built');
    expect(await operate('create', { image: 'oci:lab/app', digest: next.descriptor.digest })).toMatchObject({
      version: '2',
    });
    expect((await repository.get('manifests/latest')).headers['docker-content-digest']).toBe(
      next.descriptor.digest,
    );
    expect((await run('registry', 'rename', 'lab/app:built', 'stable')).exitCode).toBe(0);
    expect((await repository.get('manifests/stable')).status).toBe(200);
    const dry = await run('registry', 'purge', 'lab/app', '--dry-run');
    expect([dry.stdout, dry.stderr]).toEqual([
      expect.stringContaining('lab/app, '),
      'nothing was changed: leave --dry-run out to do it\n',
    ]);
    expect((await run('registry', 'purge', 'lab/app')).exitCode).toBe(0);
    expect((await repository.get('tags/list')).status).toBe(404);
  });
});

describe('an import', () => {
  const post = (
    query: string,
    body: Buffer | string,
    { as, headers = {} }: Asked & { headers?: Record<string, string> } = {},
  ) =>
    datastore.request('POST', `${OPERATIONS}/import?${query}`, {
      ...{ body, withToken: as === undefined },
      headers: { ...headers, ...(as !== undefined && logins[as]) },
    });

  it('of an archive is the next version of a repository, or a tag, by grants', async () => {
    const archive = soundArchive();
    const first = await post('image=oci:Lab/In', archive, { as: 'bob' });
    expect(JSON.parse(first.body.toString())).toEqual({
      ...{ image: 'oci:lab/in:1', version: '1', notices: [] },
      digest: expect.stringMatching(/^sha256:/),
      notice: expect.stringContaining('"Lab/In" is taken for "lab/in"'),
    });
    const tagged = await post('image=oci:lab/in:mine', archive, { as: 'bob' });
    expect(JSON.parse(tagged.body.toString())).toMatchObject({ image: 'oci:lab/in:mine', notice: null });
    const tags = await createRepositoryClient(datastore, 'lab/in').get('tags/list');
    expect(JSON.parse(tags.body.toString()).tags).toEqual(['1', 'latest', 'mine']);
    await run('registry', 'tag', 'lab/in:1', 'built');
    const made = await run('registry', 'create', 'lab/in:built');
    expect([made.exitCode, made.stdout]).toEqual([0, expect.stringMatching(/^lab\/in:1 {2}sha256:/)]);
  });

  it('of a file has a digest that holds', async () => {
    const content = soundQcow2();
    const hex = digestOf(content).slice(7);
    const promised = (value: string) => ({ headers: { 'x-checksum-sha256': value } });
    const made = await post('image=in/a.qcow2', content, promised(hex));
    expect(JSON.parse(made.body.toString())).toMatchObject({
      image: 'in/a.qcow2',
      digest: hex,
      version: null,
    });
    expect((await datastore.get('/in/a.qcow2')).body.equals(content)).toBe(true);
    const refused = [
      await post('image=in/b.qcow2', content),
      await post('image=in/b.qcow2', content, promised('ab'.repeat(32))),
      await post('image=in/a.qcow2', content, promised(hex)),
      await post('image=in/b.qcow2', content, { ...promised(hex), as: 'alice' }),
    ];
    expect(refused.map(problemOf)).toEqual(['UPLOAD_INVALID', 'DIGEST_MISMATCH', 'IMAGE_EXISTS', 401]);
    const again = await post('image=in/a.qcow2&replace=true', content, promised(hex));
    expect(again.status).toBe(200);
    expect((await datastore.get('/in/b.qcow2')).status).toBe(404);
  });

  it.each<[string, string, Buffer | string, string | number, Record<string, string>?]>([
    ['nothing', '', 'x', 'NAME_INVALID'],
    ['by a digest', `image=oci:lab/no@sha256:${'ab'.repeat(32)}`, 'x', 'NAME_INVALID'],
    ['no archive', 'image=oci:lab/no', 'x'.repeat(1024), 'ARCHIVE_INVALID'],
    ['half an archive', 'image=oci:lab/no', soundArchive().subarray(0, 2000), 'ARCHIVE_INVALID'],
    [
      'another than is promised',
      'image=oci:lab/no',
      soundArchive(),
      'DIGEST_MISMATCH',
      {
        'x-checksum-sha256': 'ab'.repeat(32),
      },
    ],
    ['a form', 'image=oci:lab/no', 'x', 'FORM_REFUSED', { 'content-type': 'multipart/form-data' }],
    ['a source elsewhere', 'image=oci:lab/no', '{}', 415, { 'content-type': 'application/json' }],
    ['a platform that is none', 'image=oci:lab/no&platform=x', soundArchive(), 400],
    ['into an archive', 'image=oci:archives/x', soundArchive(), 'READ_ONLY'],
  ])('of %s is refused', async (_title, query, body, code, headers = {}) => {
    expect(problemOf(await post(query, body, { headers }))).toBe(code);
    expect((await datastore.request('GET', '/v2/lab/no/tags/list')).status).toBe(404);
  });

  it('is refused to who may not push', async () => {
    expect((await post('image=oci:other/app', soundArchive(), { as: 'alice' })).status).toBe(403);
    const anonymous = await datastore.request('POST', `${OPERATIONS}/import?image=oci:lab/in`, {
      ...{ body: soundArchive(), withToken: false },
    });
    expect(anonymous.status).toBe(401);
  });
});

describe('a disk that was pushed', () => {
  const disk = contentOf(soundQcow2(), 'application/x-qcow2');
  const disks = () => createRepositoryClient(datastore, 'lab/disk');
  beforeAll(async () => {
    const artifact = someImage({ layers: [disk], more: { artifactType: 'application/vnd.example.disk' } });
    await disks().pushImage(artifact, 'v1');
    await disks().pushImage(someImage(), 'app');
  });

  it('is an image among the others, which takes no second room', async () => {
    const { images } = (await datastore.json('/-/api/v1/images')) as { images: { path: string }[] };
    expect(images.filter(({ path }) => path.startsWith('oci:'))).toEqual([
      expect.objectContaining({
        ...{ path: 'oci:lab/disk:v1', format: 'qcow2', sizeBytes: disk.bytes.length, state: 'ready' },
        ...{ sha256: disk.descriptor.digest.slice(7), virtualSizeBytes: 1024 ** 3 },
        artifact: expect.objectContaining({ flatPath: `v2/lab/disk/blobs/${disk.descriptor.digest}` }),
      }),
    ]);
    expect(await datastore.json('/-/api/v1/images/oci:lab/disk:v1')).toMatchObject({ format: 'qcow2' });
    const listed = await place.run('images', 'list');
    expect(listed.stdout).toContain(
      `${disk.descriptor.digest.slice(7)}  qcow2      ${disk.bytes.length}  oci:lab/disk:v1`,
    );
  });

  it('is read as a flat file, by its name and as EVE is told', async () => {
    for (const path of ['/oci:lab/disk:v1', '/oci%3Alab/disk%3Av1']) {
      const whole = await datastore.get(path);
      expect(whole.body.equals(disk.bytes)).toBe(true);
      expect(whole.headers).toMatchObject({ etag: `"${disk.descriptor.digest}"`, 'accept-ranges': 'bytes' });
    }
    expect((await datastore.get('/oci:lab/disk:v1', { range: 'bytes=0-3' })).body.toString('latin1')).toBe(
      'QFI\u00fb',
    );
    const settings = (await datastore.json('/-/api/v1/eve/oci:lab/disk:v1')) as {
      content: Record<string, unknown>;
    };
    expect(settings.content).toMatchObject({
      format: 'QCOW2',
      sha256: disk.descriptor.digest.slice(7),
      maxSizeBytes: disk.bytes.length,
    });
    const flat = await datastore.get(`/${settings.content.url}`);
    expect(flat.body.equals(disk.bytes)).toBe(true);
    for (const path of ['/oci:lab/disk:app', '/oci:lab/none:1', '/oci:', '/oci:LAB/disk:v1']) {
      expect((await datastore.request('GET', path)).status).toBe(404);
    }
    for (const path of ['/oci:lab/app:latest', '/v2/lab/app/manifests/latest']) {
      expect((await datastore.get(path)).status).toBe(401);
    }
    expect((await datastore.request('PUT', '/oci:lab/disk:v1', { body: 'x' })).status).toBe(405);
  });
});

describe('folders', () => {
  it('are served by one datastore, until it is killed', async () => {
    const other = await createDatastoreFolder();
    try {
      const first = await other.start();
      const second = await other.runPlain(
        'serve',
        '--root',
        other.root,
        '--state',
        other.state,
        '--port',
        '0',
        '--advertise',
        'none',
      );
      expect([second.exitCode, second.stderr]).toEqual([
        2,
        expect.stringContaining('is in use: another datastore serves it'),
      ]);
      const offline = await other.run('registry', 'list', '--offline');
      expect([offline.exitCode, offline.stderr]).toEqual([2, expect.stringContaining('is in use')]);
      await first.kill();
      const third = await other.start();
      expect((await third.get('/-/livez')).status).toBe(200);
      await third.stop();
      expect((await readdir(other.root)).filter((name) => name.endsWith('.lock'))).toEqual([]);
    } finally {
      await other.remove();
    }
  });

  it('are worked on without a datastore', async () => {
    const stick = await createDatastoreFolder();
    try {
      await stick.put('linux/a.qcow2', soundQcow2());
      expect((await stick.run('images', 'release', 'linux/a.qcow2', '--offline')).exitCode).toBe(0);
      const refused = await stick.run('images', 'remove', 'linux/a.qcow2', '--offline');
      expect([refused.exitCode, refused.stderr]).toEqual([
        2,
        expect.stringMatching(/^datastore-app: "linux\/a.qcow2" was released/),
      ]);
      expect((await stick.run('images', 'release', 'linux/a.qcow2', '--undo', '--offline')).exitCode).toBe(0);
      const described = await stick.run('images', 'describe', 'a.q', '--offline', '--json');
      expect(described.stderr).toBe('"a.q" is linux/a.qcow2\n');
      expect(readDatastoreJson(['images', 'describe'], described.stdout)).toMatchObject({
        format: 'qcow2',
        isReleased: false,
      });
      expect((await stick.run('registry', 'list', '--offline')).exitCode).toBe(0);
      expect((await stick.run('registry', 'show', 'lab/none', '--offline')).exitCode).toBe(2);
      const both = await stick.run('registry', 'list', '--offline', '--url', 'http://127.0.0.1:1');
      expect([both.exitCode, both.stderr]).toEqual([2, expect.stringContaining('--offline')]);
    } finally {
      await stick.remove();
    }
  });
});
