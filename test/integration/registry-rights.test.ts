// SPDX-License-Identifier: Apache-2.0
/**
 * Who may do what in a registry that is not open to all, of the real program: what was reported of other registries
 * ("Reports of other registries" in test/README.md).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { type HostileRegistry, startHostileRegistry } from './hostile-registry.ts';
import { createRepositoryClient, type Image, refusalOf, someImage } from './registry-content.ts';

const GRANTS = `version: 1
grants:
  - { who: anonymous, repositories: ["public/**"], actions: pull }
  - { who: "user:alice", repositories: ["lab/**", "up/**", "public/**"], actions: [pull, push, delete] }
  - { who: "user:bob", repositories: ["bob/**"], actions: [pull, push] }
  - { who: "device:*", images: ["lab/many:b", "lab/many:d"], actions: pull }
`;
const CATALOG = 'registry:catalog:*';
type Who = 'anonymous' | 'alice' | 'bob' | 'device' | 'admin';
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let upstream: HostileRegistry;
const basics = new Map<Who, string>();
const repositories = ['public/os', 'lab/app', 'bob/app'] as const;
const images = new Map<string, Image>(repositories.map((name) => [name, someImage()]));

async function addPrincipal(who: Who, ...command: readonly string[]): Promise<void> {
  const { exitCode, stdout } = await place.runPlain('registry', ...command, '--state', place.state, '--json');
  expect(exitCode).toBe(0);
  const { password, key } = JSON.parse(stdout);
  basics.set(who, `Basic ${Buffer.from(`${command.at(-1)}:${password ?? key}`).toString('base64')}`);
}
beforeAll(async () => {
  place = await createDatastoreFolder();
  upstream = await startHostileRegistry(2000);
  await mkdir(place.state, { mode: 0o700 });
  await writeFile(join(place.state, 'grants.yaml'), GRANTS);
  const upstreams = `version: 1\nupstreams: [{ prefix: up, url: "http://${upstream.host}" }]\n`;
  await writeFile(join(place.state, 'upstreams.yaml'), upstreams);
  await addPrincipal('alice', 'user', 'add', 'alice');
  await addPrincipal('bob', 'user', 'add', 'bob');
  await addPrincipal('device', 'device', 'add', 'd1');
  datastore = await place.start();
  for (const [name, image] of images) await createRepositoryClient(datastore, name).pushImage(image, '1');
});
afterAll(async () => {
  await place?.remove();
  await upstream?.close();
});

/** What somebody shows who has asked for a token of such scopes. */
async function bearer(who: Who, ...scopes: readonly string[]): Promise<Record<string, string>> {
  const query = scopes.map((scope) => `scope=${scope.replace('*', '%2A')}`).join('&');
  const basic = basics.get(who);
  const credential = basic === undefined ? {} : { authorization: basic };
  const answer = await datastore.request('GET', `/-/token?${query}`, {
    ...{ headers: credential, withToken: who === 'admin' },
  });
  expect(answer.status).toBe(200);
  return { authorization: `Bearer ${JSON.parse(answer.body.toString()).token}` };
}
/** One request by somebody, with a token for just what it wants. */
async function as(who: Who, method: string, name: string, path: string, body?: Buffer): Promise<Answer> {
  const headers = await bearer(who, `repository:${name}:pull,push,delete`);
  return datastore.request(method, `/v2/${name}/${path}`, {
    headers,
    withToken: false,
    ...(body && { body }),
  });
}
const blobsOf = (name: string) => (images.get(name)?.blobs ?? []).map(({ descriptor }) => descriptor.digest);

// openshift/origin #9819 and others: rights leak from one repository to the next.
it.each<[Who, string, string]>([
  // Of public/os, lab/app and bob/app.
  ['anonymous', '200 401 401', '401 401 401'],
  ['device', '200 403 403', '403 403 403'],
  ['bob', '200 403 200', '403 403 202'],
  ['alice', '200 200 403', '202 202 403'],
  ['admin', '200 200 200', '202 202 202'],
])('%s pulls %s, pushes %s', async (who, pulled, pushed) => {
  const rows: number[][] = [];
  for (const [method, path] of [
    ['GET', () => 'manifests/1'],
    ['HEAD', () => 'manifests/1'],
    ['GET', (name: string) => `blobs/${blobsOf(name)[0]}`],
    ['GET', () => 'tags/list'],
    ['POST', () => 'blobs/uploads/'],
  ] as const) {
    const row: number[] = [];
    for (const name of repositories) row.push((await as(who, method, name, path(name))).status);
    rows.push(row);
  }
  expect(rows.map((row) => row.join(' '))).toEqual([pulled, pulled, pulled, pulled, pushed]);
});

describe('a blob of a repository that somebody may not pull from', () => {
  const secret = () => blobsOf('lab/app')[1] ?? '';

  // openshift/origin #9819: any blob can be read through one repository that is allowed.
  it('is read through no other', async () => {
    for (const path of [`blobs/${secret()}`, `manifests/${images.get('lab/app')?.descriptor.digest}`]) {
      expect((await as('bob', 'GET', 'bob/app', path)).status).toBe(404);
      expect((await as('bob', 'HEAD', 'bob/app', path)).status).toBe(404);
    }
  });

  // pulp #1286 mounts it; moby/buildkit #2454 is sent away where its token is for the target alone.
  it.each<[string, Who, readonly string[], string, number]>([
    [
      'by a token for both',
      'bob',
      ['repository:bob/new:pull,push', 'repository:lab/app:pull'],
      '&from=lab/app',
      202,
    ],
    ['by a token for the target alone', 'bob', ['repository:bob/new:pull,push'], '&from=lab/app', 202],
    ['without saying from where', 'bob', ['repository:bob/new:pull,push'], '', 202],
    [
      'by who may, with a token for the target alone',
      'alice',
      ['repository:lab/new:pull,push'],
      '&from=lab/app',
      202,
    ],
    [
      'by who may',
      'alice',
      ['repository:lab/new:pull,push', 'repository:lab/app:pull'],
      '&from=lab/app',
      201,
    ],
  ])('is mounted %s: %s', async (_how, who, scopes, from, expected) => {
    const target = scopes[0]?.split(':')[1] ?? '';
    const path = `/v2/${target}/blobs/uploads/?mount=${secret()}${from}`;
    const headers = await bearer(who, ...scopes);
    expect((await datastore.request('POST', path, { headers, withToken: false })).status).toBe(expected);
    const { status } = await as(who, 'GET', target, `blobs/${secret()}`);
    expect(status).toBe(expected === 201 ? 200 : 404);
  });
});

// distribution #1431, #1899: what an upstream shows to a credential alone is public once it is here.
it('what comes from upstreams is as closed as the rest, before it is here and after', async () => {
  const layer = `blobs/sha256:${upstream.layer.hex}`;
  const refused = async () => {
    for (const who of ['anonymous', 'bob', 'device'] as const) {
      for (const path of ['manifests/1', layer, 'tags/list']) {
        const refusal = who === 'anonymous' ? [401, 'UNAUTHORIZED'] : [403, 'DENIED'];
        expect(refusalOf(await as(who, 'GET', 'up/a', path))).toEqual(refusal);
      }
      const { body } = await datastore.request('GET', '/v2/_catalog', {
        ...{ headers: { authorization: (await bearer(who, CATALOG)).authorization ?? '' }, withToken: false },
      });
      expect(JSON.parse(body.toString()).repositories).not.toContain('up/a');
    }
  };
  await refused();
  expect(upstream.requests).toEqual([]);
  expect((await as('alice', 'GET', 'up/a', 'manifests/1')).status).toBe(200);
  expect((await as('alice', 'GET', 'up/a', layer)).body.equals(upstream.layer.bytes)).toBe(true);
  await refused();
  expect((await as('bob', 'GET', 'bob/app', layer)).status).toBe(404);
  const mount = `blobs/uploads/?mount=sha256:${upstream.layer.hex}&from=up/a`;
  expect((await as('bob', 'POST', 'bob/app', mount)).status).toBe(202);
});

// distribution #1190, pulp PR #220: pages ignore n, are empty, or lead nowhere; and here only what may be seen counts.
describe('pages of what somebody may see', () => {
  async function pagesOf(who: Who, path: string, member: string, scope = CATALOG): Promise<string[][]> {
    const headers = await bearer(who, scope);
    const pages: string[][] = [];
    for (let next: string | undefined = path; next !== undefined; ) {
      const answer: Answer = await datastore.request('GET', next, { headers, withToken: false });
      expect(answer.status).toBe(200);
      pages.push(JSON.parse(answer.body.toString())[member]);
      next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
      expect(answer.headers.link === undefined).toBe(next === undefined);
    }
    return pages;
  }

  it('of the catalogue are full, and the last is not empty', async () => {
    for (const name of ['public/a', 'lab/b', 'public/c', 'lab/d', 'public/e', 'zzz/last']) {
      await createRepositoryClient(datastore, name).pushImage(someImage(), '1');
    }
    const visible = ['public/a', 'public/c', 'public/e', 'public/os'];
    for (const [n, sizes] of [
      [1, [1, 1, 1, 1]],
      [2, [2, 2]],
      [3, [3, 1]],
      [4, [4]],
      [1000, [4]],
      [0, [0]],
    ] as const) {
      const pages = await pagesOf('anonymous', `/v2/_catalog?n=${n}`, 'repositories');
      expect(pages.map(({ length }) => length)).toEqual(sizes);
      expect(pages.flat()).toEqual(n === 0 ? [] : visible);
    }
    expect(await pagesOf('anonymous', '/v2/_catalog?n=1&last=public/b', 'repositories')).toEqual([
      ...[['public/c'], ['public/e'], ['public/os']],
    ]);
    expect(await pagesOf('bob', '/v2/_catalog', 'repositories')).toEqual([['bob/app', ...visible]]);
    expect((await pagesOf('admin', '/v2/_catalog', 'repositories')).flat()).toContain('zzz/last');
  });

  it('of tags are full, and the last is not empty', async () => {
    const many = createRepositoryClient(datastore, 'lab/many');
    const image = someImage();
    await many.pushImage(image, 'a');
    // Of each tag its own image: a device may pull two of them.
    for (const tag of ['b', 'c', 'd', 'e']) await many.pushImage(someImage(), tag);
    const pages = (n: number) =>
      pagesOf('device', `/v2/lab/many/tags/list?n=${n}`, 'tags', 'repository:lab/many:pull');
    expect(await pages(1)).toEqual([['b'], ['d']]);
    for (const n of [2, 3, 1000]) expect(await pages(n)).toEqual([['b', 'd']]);
  });
});
