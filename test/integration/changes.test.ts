// SPDX-License-Identifier: Apache-2.0
/** Who changed what: every way in of the real program tells its change once, and what was refused is told too. */
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenapiDocument } from '@local-datastore/shared/http/openapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChangesDocument, changesSchema } from '../../datastore-app/src/http/routes/changes.ts';
import {
  type Answer,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  UPLOADS,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import { createRepositoryClient, type Image, refusalOf, someImage } from './registry-content.ts';

const API = '/-/api/v1';
const REGISTRY = `${API}/registry`;
const REPOSITORY = `${REGISTRY}/repositories/{repository}`;
const OPERATIONS = `${API}/operations`;
const TUS = { 'Tus-Resumable': '1.0.0' };
const GRANTS = `version: 1
grants:
  - { who: anonymous, repositories: ["public/**"], actions: pull }
  - { who: "user:alice", repositories: ["lab/**"], actions: [pull, push, delete] }
`;
const PASSWORD = 'pass-of-alice-in-this-test';

type Change = ChangesDocument['changes'][number];
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
const image = someImage();
const { digest } = image.descriptor;

async function read(query = ''): Promise<ChangesDocument> {
  const { status, body } = await datastore.request('GET', `${API}/changes${query}`);
  expect(status).toBe(200);
  return changesSchema().parse(JSON.parse(body.toString()));
}

async function post(path: string, document: object): Promise<Answer> {
  return datastore.request('POST', path, {
    ...{ body: JSON.stringify(document), headers: { 'content-type': 'application/json' } },
  });
}
const operate = (operation: string, document: object) => post(`${OPERATIONS}/${operation}`, document);
const put = (path: string, body = 'content') => datastore.request('PUT', `/${path}`, { body });
const push = (name: string, tag?: string, pushed: Image = image) =>
  createRepositoryClient(datastore, name).pushImage(pushed, tag);
const at = (path: string) => `${REGISTRY}/repositories/${path}`;

async function beginUpload(path: string): Promise<string> {
  const metadata = `path ${Buffer.from(path).toString('base64')}`;
  const headers = { ...TUS, 'Upload-Length': '3', 'Upload-Metadata': metadata };
  const { headers: answered } = await datastore.request('POST', UPLOADS, { headers });
  return answered.location ?? '';
}

const missing = () => `docker://127.0.0.1:${datastore.port}/public/app:none`;
async function importFrom(source: string): Promise<Answer> {
  const answer = await post(`${REGISTRY}/imports`, { source, as: 'lab/copied:1', insecure: true });
  const place = answer.headers.location ?? '';
  await expect.poll(async () => (await datastore.json(place)).state).toMatch(/done|failed/);
  return datastore.request('GET', place);
}

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.state, { mode: 0o700 });
  await mkdir(place.root);
  await writeFile(join(place.state, 'grants.yaml'), GRANTS);
  await writeFile(join(place.folder, 'password'), PASSWORD);
  const added = await place.runPlain(
    ...['registry', 'user', 'add', 'alice', '--password-file', join(place.folder, 'password')],
    ...['--state', place.state],
  );
  expect(added.exitCode).toBe(0);
  datastore = await place.start('--untagged', '0');
  await push('public/app', '1');
});
afterAll(() => place.remove());

/** One way in. */
interface Door {
  /** What has to be there before. */
  prepare?(): Promise<unknown>;
  open(): Promise<Answer>;
  readonly told: Partial<Change>;
}
const byAdmin = { by: 'admin', client: '127.0.0.1', count: 1 };

const DOORS: Readonly<Record<string, Door>> = {
  'PUT /{path}': {
    open: () => put('a/put.img'),
    told: { action: 'created', image: 'a/put.img', sizeBytes: 7, via: 'PUT' },
  },
  'POST /{path}': {
    prepare: () => put('posted.img'),
    open: () => datastore.request('POST', '/posted.img', { body: 'other' }),
    told: { action: 'replaced', image: 'posted.img', sizeBytes: 5, via: 'POST' },
  },
  'DELETE /{path}': {
    prepare: () => put('old.img'),
    open: () => datastore.request('DELETE', '/old.img'),
    told: { action: 'deleted', image: 'old.img', via: 'DELETE' },
  },
  [`DELETE ${API}/images/{path}`]: {
    prepare: () => put('old.img'),
    open: () => datastore.request('DELETE', `${API}/images/old.img`),
    told: { action: 'deleted', image: 'old.img', via: 'api' },
  },
  [`PATCH ${API}/uploads/{id}`]: {
    async open() {
      const url = await beginUpload('tus.img');
      const type = { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '0' };
      return datastore.request('PATCH', url, { headers: { ...TUS, ...type }, body: 'abc' });
    },
    told: { action: 'created', image: 'tus.img', sizeBytes: 3, via: 'tus' },
  },
  [`DELETE ${API}/uploads/{id}`]: {
    open: async () => datastore.request('DELETE', await beginUpload('given-up.img'), { headers: TUS }),
    told: { action: 'discarded', image: 'given-up.img', sizeBytes: 3, via: 'tus' },
  },
  [`POST ${API}/import`]: {
    prepare: () => put('bundled.img'),
    async open() {
      const { body } = await datastore.request('GET', `${API}/export?path=bundled.img`);
      await datastore.request('DELETE', '/bundled.img');
      return datastore.request('POST', `${API}/import`, { body });
    },
    told: { action: 'created', image: 'bundled.img', sizeBytes: 7, via: 'bundle' },
  },
  [`POST ${OPERATIONS}/import`]: {
    async open() {
      const headers = {
        'X-Checksum-Sha256': 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      };
      return datastore.request('POST', `${OPERATIONS}/import?image=imported.img`, { headers, body: 'abc' });
    },
    told: { action: 'imported', image: 'imported.img', via: 'operation' },
  },
  [`POST ${OPERATIONS}/rename`]: {
    prepare: () => put('before.img'),
    open: () => operate('rename', { image: 'before.img', to: 'a/after.img' }),
    told: { action: 'renamed', image: 'before.img', to: 'a/after.img', via: 'operation' },
  },
  [`POST ${OPERATIONS}/remove`]: {
    prepare: () => put('old.img'),
    open: () => operate('remove', { image: 'old.img' }),
    told: { action: 'deleted', image: 'old.img', via: 'operation' },
  },
  [`POST ${OPERATIONS}/release`]: {
    prepare: () => push('lab/kept', '1'),
    open: () => operate('release', { image: 'oci:lab/kept:1' }),
    told: { action: 'released', image: 'oci:lab/kept:1', via: 'operation' },
  },
  [`POST ${OPERATIONS}/create`]: {
    prepare: () => push('lab/versions'),
    open: () => operate('create', { image: 'oci:lab/versions', digest }),
    told: { action: 'tagged', image: 'oci:lab/versions:1', digest, via: 'operation' },
  },
  [`POST ${OPERATIONS}/purge`]: {
    prepare: () => push('lab/old', '1'),
    open: () => operate('purge', { image: 'oci:lab/old' }),
    told: { action: 'deleted', image: 'oci:lab/old', via: 'operation' },
  },
  [`PUT ${REPOSITORY}/tags/{tag}`]: {
    prepare: () => push('lab/app', '1'),
    open: () => datastore.request('PUT', at('lab%2Fapp/tags/latest'), { body: JSON.stringify({ digest }) }),
    told: { action: 'tagged', image: 'oci:lab/app:latest', digest, via: 'api' },
  },
  [`DELETE ${REPOSITORY}/tags/{tag}`]: {
    prepare: () => push('lab/app', '2'),
    open: () => datastore.request('DELETE', at('lab%2Fapp/tags/2')),
    told: { action: 'untagged', image: 'oci:lab/app:2', via: 'api' },
  },
  [`PUT ${REPOSITORY}/tags/{tag}/reference`]: {
    open: () =>
      datastore.request('PUT', at('lab%2Fapp/tags/elsewhere/reference'), {
        body: JSON.stringify({ source: 'docker://127.0.0.1:1/x/y:1' }),
      }),
    told: {
      action: 'tagged',
      image: 'oci:lab/app:elsewhere',
      source: 'docker://127.0.0.1:1/x/y:1',
      via: 'api',
    },
  },
  [`PUT ${REPOSITORY}/tags/{tag}/release`]: {
    prepare: () => push('lab/app', '3'),
    open: () => datastore.request('PUT', at('lab%2Fapp/tags/3/release')),
    told: { action: 'released', image: 'oci:lab/app:3', via: 'api' },
  },
  [`DELETE ${REPOSITORY}/tags/{tag}/release`]: {
    prepare: async () => {
      await push('lab/app', '4');
      await datastore.request('PUT', at('lab%2Fapp/tags/4/release'));
    },
    open: () => datastore.request('DELETE', at('lab%2Fapp/tags/4/release')),
    told: { action: 'unreleased', image: 'oci:lab/app:4', via: 'api' },
  },
  [`DELETE ${REPOSITORY}/manifests/{digest}`]: {
    prepare: () => push('lab/gone', '1'),
    open: () => datastore.request('DELETE', at(`lab%2Fgone/manifests/${digest}`)),
    told: { action: 'deleted', image: `oci:lab/gone@${digest}`, via: 'api' },
  },
  [`POST ${REGISTRY}/import`]: {
    prepare: () => push('lab/archived', '1'),
    async open() {
      const { body } = await datastore.request('GET', `${OPERATIONS}/export?image=oci:lab/archived:1`);
      archive = body;
      return datastore.request('POST', `${REGISTRY}/import?name=lab/unpacked:1`, { body });
    },
    told: { action: 'imported', image: 'oci:lab/unpacked:1', digest, via: 'archive' },
  },
  [`POST ${REGISTRY}/adopt`]: {
    async prepare() {
      await datastore.request('PUT', '/app.tar', { body: archive });
      await expect
        .poll(async () => (await datastore.request('GET', '/v2/archives/app/tags/list')).status)
        .toBe(200);
    },
    open: () => datastore.request('POST', `${REGISTRY}/adopt?from=archives/app&name=lab/adopted:1`),
    told: { action: 'imported', image: 'oci:lab/adopted:1', digest, via: 'archive' },
  },
  [`POST ${REGISTRY}/imports`]: {
    open: () => importFrom(`docker://127.0.0.1:${datastore.port}/public/app:1`),
    told: { action: 'imported', image: 'oci:lab/copied:1', digest, via: 'import job' },
  },
  [`DELETE ${REGISTRY}/imports/{id}`]: {
    async open() {
      const job = JSON.parse((await importFrom(missing())).body.toString()) as {
        id: string;
      };
      return datastore.request('DELETE', `${REGISTRY}/imports/${job.id}`);
    },
    told: {
      action: 'discarded',
      image: 'oci:lab/copied:1',
      via: 'import job',
    },
  },
  [`POST ${REGISTRY}/gc`]: {
    async prepare() {
      await push('lab/waste', undefined, someImage());
    },
    open: () => datastore.request('POST', `${REGISTRY}/gc?apply=true`),
    told: {
      action: 'collected',
      image: null,
      sizeBytes: expect.any(Number) as never,
      count: expect.any(Number) as never,
      via: 'api',
    },
  },
  'PUT /v2/{name}/manifests/{reference}': {
    prepare: () => push('lab/app'),
    open: () => createRepositoryClient(datastore, 'lab/app').putManifest(image, '5'),
    told: { action: 'pushed', image: 'oci:lab/app:5', digest, via: 'registry' },
  },
  'DELETE /v2/{name}/manifests/{reference}': {
    prepare: () => push('lab/app', '6'),
    open: () => datastore.request('DELETE', '/v2/lab/app/manifests/6'),
    told: { action: 'untagged', image: 'oci:lab/app:6', via: 'registry' },
  },
  'DELETE /v2/{name}/blobs/{digest}': {
    async prepare() {
      const [blob] = someImage().blobs;
      if (blob === undefined) throw new Error('an image has blobs');
      unused = blob.descriptor.digest;
      await createRepositoryClient(datastore, 'lab/app').pushBlob(blob);
    },
    open: () => datastore.request('DELETE', `/v2/lab/app/blobs/${unused}`),
    told: { action: 'deleted', via: 'registry' },
  },
};
let unused = '';
let archive: Buffer = Buffer.alloc(0);

/** What changes no image by itself, and why. */
const NO_CHANGE: Readonly<Record<string, string>> = {
  [`POST ${API}/uploads`]: 'an upload is begun: what comes of it is told',
  [`POST ${API}/upstreams`]: 'upstreams are asked what they have',
  [`POST ${API}/fetch/{path}`]: 'needs an upstream: image-upstreams.test.ts',
  [`POST ${OPERATIONS}/describe`]: 'reads',
  [`POST ${OPERATIONS}/validate`]: 'reads',
  [`POST ${OPERATIONS}/update-hash`]: 'reads',
  [`POST ${REPOSITORY}/validate`]: 'reads',
  [`POST ${REGISTRY}/import/missing`]: 'says what an archive would have to bring',
  [`POST ${REGISTRY}/imports/{id}/retry`]: 'tells once it is done, as the import itself',
  'POST /-/token': 'issues a token',
  'POST /v2/{name}/blobs/uploads/': 'a blob is no image before a manifest names it',
  'PATCH /v2/{name}/blobs/uploads/{id}': 'a blob is no image before a manifest names it',
  'PUT /v2/{name}/blobs/uploads/{id}': 'a blob is no image before a manifest names it',
  'DELETE /v2/{name}/blobs/uploads/{id}': 'a blob is no image before a manifest names it',
};

describe('a change', () => {
  it('has a line here for each way in that the program describes', async () => {
    const { paths } = (await datastore.json('/-/openapi.json')) as unknown as OpenapiDocument;
    const ways = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const changing = ways.filter((way) => !/^(GET|HEAD) /.test(way));
    expect(changing.sort()).toEqual([...Object.keys(DOORS), ...Object.keys(NO_CHANGE)].sort());
  });

  it.each(Object.entries(DOORS))('%s is told once', async (_way, { prepare, open, told }) => {
    await prepare?.();
    const { id: last } = (await read('?limit=1')).changes[0] ?? expect.fail();
    const { status } = await open();
    expect(status).toBeLessThan(300);
    const { changes } = await read();
    const since = changes.slice(
      0,
      changes.findIndex(({ id }) => id === last),
    );
    const own = since.filter(({ image: name, action }) => !(action === 'deleted' && name === 'bundled.img'));
    expect(own).toMatchObject([{ ...byAdmin, ...told }]);
    expect(datastore.log()).toContain(`"by":"admin","client":"127.0.0.1","via":"${told.via}"`);
  });

  it('says which user of the registry it was', async () => {
    const headers = {
      authorization: `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`,
      'content-type': image.descriptor.mediaType,
    };
    const pushed = await datastore.request('PUT', '/v2/lab/app/manifests/by-alice', {
      headers,
      body: image.bytes,
    });
    expect(pushed.status).toBe(201);
    expect((await read('?limit=1')).changes).toMatchObject([
      { action: 'pushed', image: 'oci:lab/app:by-alice', by: 'user:alice', via: 'registry' },
    ]);
    const foreign = await datastore.request('PUT', '/v2/public/app/manifests/2', {
      headers,
      body: image.bytes,
    });
    expect(refusalOf(foreign)[0]).toBe(403);
    expect((await read('?limit=1')).changes).toMatchObject([
      { action: 'refused', image: '/v2/public/app/manifests/2', by: 'user:alice', status: 403, via: 'PUT' },
    ]);
  });

  it.each<[string, Record<string, string>, number]>([
    ['without a token', {}, 401],
    ['with a wrong one', { authorization: 'Bearer wrong-token-of-nobody' }, 401],
    [
      'by the page of another',
      { authorization: `Bearer ${WRITE_TOKEN}`, origin: 'http://evil.example' },
      403,
    ],
  ])('that is asked for %s is told as refused, without the token', async (_title, headers, status) => {
    const answer = await datastore.request('DELETE', '/a/put.img', { headers, withToken: false });
    expect(answer.status).toBe(status);
    const { changes } = await read('?limit=1&action=refused');
    expect(changes).toMatchObject([{ status, by: 'unknown', client: '127.0.0.1', via: 'DELETE', count: 1 }]);
  });

  it('that fails is none', async () => {
    const before = await read('?limit=1');
    expect((await datastore.request('DELETE', '/nobody.img')).status).toBe(404);
    expect((await operate('rename', { image: 'nobody.img', to: 'b.img' })).status).toBe(404);
    expect((await operate('rename', { image: 'a/put.img', to: 'b.img', dryRun: true })).status).toBe(200);
    expect(await read('?limit=1')).toEqual(before);
  });

  it('is read by who may write alone, and by a query that can be', async () => {
    expect((await datastore.get(`${API}/changes`)).status).toBe(401);
    for (const query of ['limit=0', 'limit=1001', 'action=eaten', 'before=x']) {
      expect((await datastore.request('GET', `${API}/changes?${query}`)).status).toBe(400);
    }
    const { changes } = await read('?image=AFTER&action=renamed');
    expect(changes).toMatchObject([{ image: 'before.img', to: 'a/after.img' }]);
  });

  it('holds no secret', async () => {
    for (const folder of ['changes', 'refusals']) {
      for (const name of await readdir(join(place.state, folder))) {
        const text = await readFile(join(place.state, folder, name), 'utf8');
        for (const secret of [WRITE_TOKEN, PASSWORD, 'wrong-token']) expect(text).not.toContain(secret);
      }
    }
  });
});

describe('datastore-app changes', () => {
  const changes = (...args: string[]) => place.runPlain('changes', '--state', place.state, ...args);

  it('prints them beside a datastore that runs, and those of commands', async () => {
    await writeFile(join(place.folder, 'stick.img'), 'from a stick');
    expect((await place.run('images', 'add', join(place.folder, 'stick.img'))).exitCode).toBe(0);
    const printed = await changes('stick');
    expect(printed.stdout.split('\n')).toEqual([
      expect.stringMatching(/^WHEN +WHO +FROM +WHAT +IMAGE$/),
      expect.stringMatching(/^\S+Z +host +- +created +stick\.img$/),
      '',
    ]);
    const { stdout } = await changes('--json', '--limit', '1', '--action', 'renamed');
    expect(readDatastoreJson(['changes'], stdout)).toMatchObject({
      changes: [{ action: 'renamed', image: 'before.img', to: 'a/after.img' }],
    });
    expect((await read('?limit=1')).changes).toMatchObject([{ by: 'host', client: null, via: 'command' }]);
  });

  it('prints them after a crash, and goes on', async () => {
    await datastore.kill();
    const [last = ''] = (await readdir(join(place.state, 'changes'))).slice(-1);
    await appendFile(join(place.state, 'changes', last), '{"time":"2026');
    expect((await changes('stick')).stdout).toContain('stick.img');
    const removed = await place.run('images', 'remove', 'stick.img', '--offline');
    expect(removed.exitCode).toBe(0);
    expect((await changes('stick')).stdout).toMatch(/ host +- +deleted +stick\.img\n$/);
    datastore = await place.start();
    expect((await read('?limit=1')).changes).toMatchObject([{ action: 'deleted', by: 'host' }]);
  });

  it('says where it looked for what is not there', async () => {
    const { exitCode, stderr } = await place.runPlain('changes', '--state', '/nowhere');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--state /nowhere')]);
  });
});
