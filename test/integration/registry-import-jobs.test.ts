// SPDX-License-Identifier: Apache-2.0
/** Images that the datastore is told to import: by its API and its command, from registries that do as a test says. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { type HostileRegistry, send, startHostileRegistry } from './hostile-registry.ts';

const API = '/-/api/v1/registry/imports';
const LAYER_BYTES = 3_000_000;
const SECRET = 'pass-of-the-registry';
const ALICE = 'pass-of-alice';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly digest: string | null;
  readonly fetchedBytes: number;
  readonly sizeBytes: number;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let registry: HostileRegistry;
beforeEach(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  registry = await startHostileRegistry(LAYER_BYTES);
});
afterEach(async () => {
  await registry.close();
  await place.remove();
});

const source = () => `docker://${registry.host}/a:1`;
const command = (...args: string[]) =>
  place.runPlain(...args, '--url', datastore.url, '--state', place.state);
async function ask(document: object, headers: Record<string, string> = WRITE_HEADERS) {
  return datastore.request('POST', API, {
    body: JSON.stringify(document),
    headers: { 'content-type': 'application/json', ...headers },
    withToken: false,
  });
}
async function begin(document: object = {}): Promise<Job> {
  const answer = await ask({ source: source(), insecure: true, ...document });
  expect(answer.status).toBe(202);
  const job = JSON.parse(answer.body.toString()) as Job;
  expect(answer.headers.location).toBe(`${API}/${job.id}`);
  return job;
}
const jobOf = async (id: string) => (await datastore.json(`${API}/${id}`)) as unknown as Job;
async function ended(id: string): Promise<Job> {
  await expect.poll(async () => (await jobOf(id)).state).toMatch(/done|failed|cancelled/);
  return jobOf(id);
}
const tags = async (name: string) => {
  const { status, body } = await datastore.request('GET', `/v2/${name}/tags/list`);
  return status === 200 ? (JSON.parse(body.toString()) as { tags: string[] }).tags : [];
};
/** Answers the layer, after the first so many bytes, no more until it is let go. */
function holdLayer(bytes: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.onPath(registry.layer.path, async (_request, response) => {
    response.writeHead(200, { 'content-length': LAYER_BYTES });
    response.write(registry.layer.bytes.subarray(0, bytes));
    await promise;
    response.end(registry.layer.bytes.subarray(bytes));
  });
  return resolve;
}

describe('an import', () => {
  it('comes to its end, and its events tell of it', async () => {
    const letGo = holdLayer(1_000_000);
    const { id } = await begin();
    const events = new Promise<string>((resolve, reject) => {
      get(`${datastore.url}${API}/${id}/events`, (response) => text(response).then(resolve, reject));
    });
    await expect.poll(async () => (await jobOf(id)).state).toBe('running');
    letGo();
    expect(await ended(id)).toMatchObject({
      ...{ state: 'done', failure: null, repository: 'a', tag: '1', by: 'admin' },
      fetchedBytes: expect.any(Number),
    });
    const told = (await events)
      .split('\n\n')
      .filter((event) => event.startsWith('event: import'))
      .map((event) => JSON.parse(event.slice(event.indexOf('{'))) as Job);
    expect(told.length).toBeGreaterThan(1);
    expect(told.at(-1)?.state).toBe('done');
    expect(await tags('a')).toEqual(['1']);
    const { body } = await datastore.get(`/v2/a/blobs/sha256:${registry.layer.hex}`);
    expect(body.equals(registry.layer.bytes)).toBe(true);
    expect(await datastore.json(API)).toMatchObject({ imports: [{ id, state: 'done' }] });
  });

  it('goes on by itself after kill -9, and no byte comes twice but the last ones', async () => {
    holdLayer(2_000_000);
    const { id } = await begin();
    const stored = async () =>
      (await Promise.all(
        (
          await place.incoming()
        )
          .filter((name) => name.endsWith('.oci'))
          .map((name) => readFile(join(place.root, '.incoming', name)).then(({ length }) => length)),
      )) as number[];
    await expect.poll(async () => Math.max(0, ...(await stored()))).toBeGreaterThan(1_000_000);
    await datastore.kill();
    const before = Math.max(...(await stored()));
    registry.onPath(registry.layer.path, undefined);
    registry.requests.length = 0;
    const ranges: (string | undefined)[] = [];
    registry.onPath(registry.layer.path, (request, response) => {
      ranges.push(request.headers.range);
      send(request, response, registry.layer.bytes);
    });
    datastore = await place.start();
    const job = await ended(id);
    expect(job.state).toBe('done');
    expect(ranges).toEqual([`bytes=${before}-`]);
    expect(job.fetchedBytes).toBeLessThan(LAYER_BYTES - before + 1000);
    expect(await tags('a')).toEqual(['1']);
    expect(await place.incoming()).toEqual([]);
  });

  it('is cancelled, and nothing of it is left', async () => {
    holdLayer(1_000_000);
    const { id } = await begin();
    await expect.poll(place.incoming).not.toEqual([]);
    expect((await datastore.request('DELETE', `${API}/${id}`)).status).toBe(204);
    expect((await jobOf(id)).state).toBe('cancelled');
    expect((await place.incoming()).filter((name) => name.endsWith('.oci'))).toEqual([]);
    registry.onPath(registry.layer.path, undefined);
    expect((await datastore.request('POST', `${API}/${id}/retry`)).status).toBe(202);
    expect((await ended(id)).state).toBe('done');
    expect(problemOf(await datastore.request('POST', `${API}/${id}/retry`))).toBe('JOB_STATE');
    expect((await datastore.request('DELETE', `${API}/${id}`)).status).toBe(204);
    expect((await datastore.request('GET', `${API}/${id}`)).status).toBe(404);
    expect(await readdir(join(place.state, 'imports'))).toEqual([]);
  });

  it('is for who may push there alone; hosts of this machine and credentials are for administrators', async () => {
    await writeFile(join(place.folder, 'pw'), ALICE);
    const added = await place.runPlain(
      ...['registry', 'user', 'add', 'alice', '--password-file', join(place.folder, 'pw')],
      ...['--state', place.state],
    );
    expect(added.exitCode).toBe(0);
    await writeFile(
      join(place.state, 'grants.yaml'),
      'version: 1\ngrants:\n  - { who: "user:alice", repositories: ["lab/**"], actions: [pull, push] }\n',
    );
    const alice = { authorization: `Basic ${Buffer.from(`alice:${ALICE}`).toString('base64')}` };
    const document = { source: source(), insecure: true, as: 'lab/a:1' };
    expect((await ask(document, {})).status).toBe(401);
    await expect.poll(async () => (await ask({ ...document, as: 'other/a:1' }, alice)).status).toBe(403);
    const credentials = { user: 'u', password: SECRET };
    expect((await ask({ ...document, credentials }, alice)).status).toBe(403);
    const answer = await ask(document, alice);
    expect(answer.status).toBe(202);
    const job = await ended((JSON.parse(answer.body.toString()) as Job).id);
    expect(job.failure).toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining('only an administrator may name it'),
    });
    expect(registry.requests).toEqual([]);
  });

  it('keeps its password from the log, the answers and, in the end, the disk', async () => {
    registry.onRequest(({ headers }, response) => {
      if (headers.authorization !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="lab"' }).end();
      return true;
    });
    const letGo = holdLayer(1000);
    const { id } = await begin({ credentials: { user: 'u', password: SECRET } });
    const file = join(place.state, 'imports', `${id}.json`);
    expect(await readFile(file, 'utf8')).toContain(SECRET);
    expect(JSON.stringify(await jobOf(id))).not.toContain(SECRET);
    letGo();
    expect((await ended(id)).state).toBe('done');
    expect(await readFile(file, 'utf8')).not.toContain(SECRET);
    expect(datastore.log()).not.toContain(SECRET);
  });

  it.each<[string, unknown, string | number]>([
    ['another kind of source', { source: 'oci:x' }, 400],
    ["an archive's name", { source: 'docker://x.example/a:1', as: 'archives/a:1' }, 'READ_ONLY'],
    ['no platform', { source: 'docker://x.example/a:1', platforms: ['arm'] }, 400],
    [
      'a password elsewhere',
      { source: 'docker://x.example/a:1', credentials: { user: 'u', passwordFile: '../write-token' } },
      400,
    ],
    ['much text', { source: `docker://x.example/${'a'.repeat(100_000)}` }, 413],
    ['no document', 'text', 400],
  ])('is none of %s', async (_title, document, problem) => {
    expect(problemOf(await ask(document as object))).toBe(problem);
    expect(await datastore.json(API)).toEqual({ imports: [] });
  });
});

describe('a hostile registry', () => {
  const wrong = () => {
    const bytes = Buffer.from(registry.layer.bytes);
    bytes[1_500_000] = (bytes[1_500_000] ?? 0) ^ 1;
    return bytes;
  };
  it.each<[string, string, RegExp, () => void]>([
    [
      'sends a flipped bit',
      'INVALID',
      /other content than sha256/,
      () => registry.onPath(registry.layer.path, (request, response) => send(request, response, wrong())),
    ],
    [
      'sends without an end',
      'INVALID',
      /more than its 3000000 bytes/,
      () =>
        registry.onPath(registry.layer.path, (_request, response) => {
          response.writeHead(200);
          const more = () =>
            response.destroyed || response.write(Buffer.alloc(65_536), () => setImmediate(more));
          more();
        }),
    ],
    [
      'leads to where clouds keep credentials',
      'DENIED',
      /169\.254\.169\.254 is an address of this machine, or of one link/,
      () =>
        registry.onPath(registry.layer.path, (_request, response) =>
          response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
        ),
    ],
    [
      'leads to itself for ever',
      'INVALID',
      /leads elsewhere in a way that is not followed/,
      () =>
        registry.onPath(registry.layer.path, (_request, response) =>
          response.writeHead(307, { location: registry.layer.path }).end(),
        ),
    ],
    [
      'names a token service where clouds keep credentials',
      'DENIED',
      /169\.254\.169\.254/,
      () =>
        registry.onRequest((_request, response) => {
          response
            .writeHead(401, { 'www-authenticate': 'Bearer realm="http://169.254.169.254/token"' })
            .end();
          return true;
        }),
    ],
    [
      'has no manifest, but a page',
      'INVALID',
      /no JSON document/,
      () =>
        registry.onPath('/v2/a/manifests/1', (request, response) =>
          send(request, response, Buffer.from('<html>'), 'text/html'),
        ),
    ],
  ])('%s: the import fails, and nothing is there', async (_title, code, message, prepare) => {
    prepare();
    const job = await ended((await begin()).id);
    expect(job).toMatchObject({
      state: 'failed',
      failure: { code, message: expect.stringMatching(message) },
    });
    expect(await tags('a')).toEqual([]);
    expect((await datastore.get(`/v2/a/blobs/sha256:${registry.layer.hex}`)).status).toBe(404);
    expect((await place.incoming()).filter((name) => name.endsWith('.oci'))).toEqual([]);
  });

  it('cuts each answer short: it comes to its end all the same', async () => {
    registry.onPath(registry.layer.path, ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
      const whole = registry.layer.bytes;
      response.writeHead(from === 0 ? 200 : 206, {
        ...(from > 0 && { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` }),
        'content-length': whole.length - from,
      });
      response.write(whole.subarray(from, from + 1_100_000), () => response.destroy());
    });
    const job = await ended((await begin()).id);
    expect(job).toMatchObject({ state: 'done', fetchedBytes: job.sizeBytes });
  });
});

describe('the command', () => {
  it('shows how far it is, and says what came', async () => {
    const { exitCode, stdout, stderr } = await command('import', source(), '--insecure', '--as', 'lab/x:2');
    expect([exitCode, stderr.includes('lab/x:2  ')]).toEqual([0, true]);
    expect(stdout).toMatch(/^lab\/x:2 {2}sha256:[0-9a-f]{64} {2}2\.9 MiB, of which 2\.9 MiB came\n$/);
    const again = await command('import', source(), '--insecure', '--as', 'lab/x:2', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ state: 'done', fetchedBytes: 0, repository: 'lab/x' });
    const listed = await command('registry', 'imports');
    expect(listed.stdout.split('\n')).toHaveLength(3);
  });

  it.each<[string, number, string, () => string[]]>([
    ['nothing', 2, 'name what to import', () => []],
    ['no source', 2, 'is no source that is known here', () => ['ftp://x']],
    ['half a credential', 2, 'belong together', () => [source(), '--source-user', 'u']],
    ['another platform', 2, 'A platform such as', () => [source(), '--platform', 'x']],
    ['two sources with one name', 2, 'there are 2 sources', () => [source(), source(), '--as', 'x:1']],
    [
      'an image that is not there',
      4,
      'has no image a:none',
      () => [`docker://${registry.host}/a:none`, '--insecure'],
    ],
    ['a registry that is not there', 4, 'nothing listens', () => ['docker://127.0.0.1:1/a:1', '--insecure']],
  ])('ends for %s with %d', async (_title, code, message, args) => {
    const { exitCode, stderr } = await command('import', ...args());
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  });

  it('ends with 5 where content is another', async () => {
    registry.onPath(registry.layer.path, (request, response) =>
      send(request, response, Buffer.alloc(LAYER_BYTES)),
    );
    expect((await command('import', source(), '--insecure')).exitCode).toBe(5);
  });

  it('leaves an import, lists it, cancels it and does it again', async () => {
    holdLayer(1000);
    const { stdout } = await command('import', source(), '--insecure', '--detach');
    const id = stdout.trim();
    expect((await command('registry', 'imports')).stdout).toContain(`${id}  a:1  `);
    expect((await command('registry', 'imports', '--cancel', id)).exitCode).toBe(0);
    expect((await jobOf(id)).state).toBe('cancelled');
    registry.onPath(registry.layer.path, undefined);
    expect((await command('registry', 'imports', '--retry', id)).exitCode).toBe(0);
    expect((await ended(id)).state).toBe('done');
  });

  it('imports a list: one that fails stops no other, and the second time no byte comes', async () => {
    const list = join(place.folder, 'list.yaml');
    const entries = [
      `{ from: "${registry.host}/a:1", insecure: true, as: lab/one:1 }`,
      `{ from: "docker://${registry.host}/none:1", insecure: true }`,
      '{ from: "registry.example/Upper:1" }',
      `{ from: "${registry.host}/a:1", insecure: true, as: lab/two }`,
    ];
    await writeFile(list, `images:\n${entries.map((entry) => `  - ${entry}\n`).join('')}`);
    const first = await command('import', '--mirror', list);
    expect([first.exitCode, first.stderr.includes('2 of 4 entries were imported, 2 failed')]).toEqual([
      4,
      true,
    ]);
    expect([await tags('lab/one'), await tags('lab/two')]).toEqual([['1'], ['1']]);
    registry.requests.length = 0;
    const second = JSON.parse((await command('import', '--mirror', list, '--json')).stdout);
    expect(second).toMatchObject({
      failed: 2,
      images: [
        { state: 'done', fetchedBytes: 0 },
        { state: 'failed', failure: { code: 'NOT_FOUND' } },
        { state: 'failed', source: 'registry.example/Upper:1' },
        { state: 'done', fetchedBytes: 0 },
      ],
    });
    expect(registry.requests.filter((request) => request.includes('/blobs/'))).toEqual([]);
  });

  it.each([
    ['images: 1', 'images: '],
    [
      'images: [{ form: x }]',
      'images[0].from: it is missing; images[0]: unknown key "form": did you mean from?',
    ],
    ['images: [{ from: x/y, platforms: [arm] }]', 'images[0].platforms[0]'],
    ['[', ''],
  ])('takes no list such as %j', async (content, message) => {
    const list = join(place.folder, 'list.yaml');
    await writeFile(list, content);
    const { exitCode, stderr } = await command('import', '--mirror', list);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`--mirror ${list} cannot be used: ${message}`);
  });
});

describe('a reference', () => {
  const read = (path: string) => datastore.get(`/v2/lab/far/${path}`);

  it('is listed as not here, fetched at its first pull, and here ever after', async () => {
    const args = ['registry', 'refer', 'lab/far:1', source(), '--insecure'];
    const { exitCode, stderr } = await command(...args);
    expect([exitCode, stderr]).toEqual([0, `lab/far:1 is fetched from ${source()} when it is asked for\n`]);
    expect(registry.requests).toEqual([]);
    expect((await command('registry', 'show', 'lab/far')).stdout).toContain(`1  ${source()}  not here yet  `);
    expect(await tags('lab/far')).toEqual(['1']);
    await datastore.kill();
    datastore = await place.start();
    expect((await read('manifests/1')).status).toBe(200);
    const { body } = await read(`blobs/sha256:${registry.layer.hex}`);
    expect(body.equals(registry.layer.bytes)).toBe(true);
    expect((await command(...args)).stderr).toContain('leads to an image already');
    await expect.poll(async () => (await place.incoming()).length).toBe(0);
    await registry.close();
    await datastore.kill();
    datastore = await place.start();
    expect((await read('manifests/1')).status).toBe(200);
    expect((await read(`blobs/sha256:${registry.layer.hex}`)).status).toBe(200);
    registry = await startHostileRegistry(1);
  });

  it('says why nothing comes', async () => {
    await command('registry', 'refer', 'lab/far:1', 'docker://127.0.0.1:1/a:1', '--insecure');
    const { status, body } = await read('manifests/1');
    expect([status, body.toString()]).toEqual([502, expect.stringContaining('nothing listens')]);
    expect((await command('registry', 'untag', 'lab/far:1')).exitCode).toBe(0);
    expect((await read('manifests/1')).status).toBe(404);
  });

  it('is for administrators, and names an image', async () => {
    const path = '/-/api/v1/registry/repositories/lab/far/tags/1/reference';
    const put = (document: object, withToken = true) =>
      datastore.request('PUT', path, { body: JSON.stringify(document), withToken });
    expect((await put({ source: source() }, false)).status).toBe(401);
    expect(problemOf(await put({ source: 'oci:x' }))).toBe(400);
    expect(problemOf(await put({ source: source(), other: 1 }))).toBe(400);
    expect((await command('registry', 'refer', 'lab/far', source())).exitCode).toBe(2);
    expect((await command('registry', 'refer', 'lab/far:1', 'x')).exitCode).toBe(2);
  });
});
