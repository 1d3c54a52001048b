// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestRegistry, type TestRegistry } from '../blobs/testing/test-registry.ts';
import type { NewChange } from '../changes/change.ts';
import { createFlights, type Flights } from '../upstream/flights.ts';
import {
  createScriptedUpstream,
  digestOf,
  type ScriptedUpstream,
} from '../upstream/testing/scripted-upstream.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { ImportWish } from './import-job.ts';
import { createImportJobs, type ImportJobs } from './import-jobs.ts';
import { decideImport, type ImportRequest } from './import-request.ts';
import { createJobFiles } from './job-files.ts';

const LAYER = randomBytes(120_000);
const OTHER = randomBytes(90_000);
const ADMIN = { by: 'admin', client: '192.0.2.1', isAdmin: true };
const SOURCE = 'docker://registry.example/lab/app:1';

let local: TestRegistry;
let upstream: ScriptedUpstream;
let flights: Flights;
let state: string;
let jobs: ImportJobs;
let credentials: unknown[];
let told: NewChange[];
beforeEach(async () => {
  local = await createTestRegistry();
  upstream = createScriptedUpstream();
  state = await mkdtemp(join(tmpdir(), 'import-jobs-'));
  credentials = [];
  told = [];
  await open();
});
afterEach(async () => {
  await jobs.stop();
  await flights.stop();
  await local.remove();
  await rm(state, { recursive: true });
});

async function open(): Promise<void> {
  flights = createFlights({
    ...{ log: silentLog, store: local.registry },
    wait: async (_ms, signal) => signal.throwIfAborted(),
  });
  jobs = createImportJobs({
    ...{ log: silentLog, note: (change: NewChange) => told.push(change) },
    ...{ store: local.registry, flights, now: Date.now, clock: createManualClock() },
    files: createJobFiles({ log: silentLog }, { stateDirectory: state }),
    createClient: async ({ credential }) => {
      credentials.push(credential);
      return upstream.client;
    },
  });
  await jobs.start();
}

/** As after a kill: nothing was written in the end. */
async function restart(): Promise<void> {
  await jobs.stop();
  await flights.stop();
  await local.restart();
  await open();
}

function wish(request: Partial<ImportRequest> = {}): ImportWish {
  const decided = decideImport({ source: SOURCE, ...request });
  if (decided.kind === 'invalid') throw new Error(decided.reason);
  return decided.value;
}
const ended = (id: string) => expect.poll(() => jobs.find(id)?.state);
const tagsOf = async (repository: string) =>
  (await local.registry.listTags(repository, { limit: 99 }))?.names;
const fileOf = (id: string) => join(state, 'imports', `${id}.json`);

/** A connection on which nothing comes until it is let go. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* content(rest: Buffer): AsyncGenerator<Buffer> {
    yield rest.subarray(0, 1000);
    await promise;
    yield rest.subarray(1000);
  }
  return { deliver: (rest: Buffer) => content(rest), letGo: resolve };
}

describe('a job', () => {
  it('is remembered before it begins, and says in the end what it came to', async () => {
    const { digest } = upstream.add('1', LAYER);
    const seen: string[] = [];
    jobs.watch((id) => seen.push(jobs.find(id)?.state ?? 'gone'));
    const { id, state: first } = await jobs.add(wish(), ADMIN);
    expect(first).toMatch(/queued|running/);
    await ended(id).toBe('done');
    expect(jobs.find(id)).toMatchObject({
      ...{ source: SOURCE, repository: 'lab/app', tag: '1', by: 'admin', digest: formatDigest(digest) },
      ...{ imagesTotal: 1, imagesDone: 1, failure: null, step: null, blobs: [] },
    });
    const { sizeBytes, doneBytes, fetchedBytes } = jobs.find(id) ?? expect.fail();
    expect(sizeBytes).toBeGreaterThan(LAYER.length);
    expect([doneBytes, fetchedBytes]).toEqual([sizeBytes, sizeBytes]);
    expect(seen.at(-1)).toBe('done');
    await restart();
    expect(jobs.find(id)).toMatchObject({ state: 'done', sizeBytes, fetchedBytes });
    expect(jobs.list()).toHaveLength(1);
    expect(JSON.stringify(jobs.list())).not.toContain(ADMIN.client);
    const change = { action: 'imported', image: 'oci:lab/app:1', source: SOURCE, via: 'import job' };
    expect(told).toMatchObject([{ ...change, by: 'admin', client: ADMIN.client, sizeBytes }]);
  });

  it('tells how far it is while it runs', async () => {
    upstream.add('1', LAYER);
    const { deliver, letGo } = held();
    upstream.deliveries.push(deliver, deliver);
    const { id } = await jobs.add(wish(), ADMIN);
    await expect.poll(() => jobs.find(id)?.blobs.some(({ receivedBytes }) => receivedBytes > 0)).toBe(true);
    expect(jobs.find(id)).toMatchObject({ state: 'running', step: 'blobs', imagesTotal: 1, imagesDone: 0 });
    letGo();
    await ended(id).toBe('done');
  });

  it('says why it failed, and is done again when it is wanted', async () => {
    const failure = new UpstreamError('DENIED', 'registry.example does not give it');
    upstream.failure = failure;
    const { id } = await jobs.add(wish(), ADMIN);
    await ended(id).toBe('failed');
    expect(jobs.find(id)?.failure).toEqual({ code: 'DENIED', message: failure.message });
    expect([await tagsOf('lab/app'), told]).toEqual([undefined, []]);
    upstream.failure = undefined;
    upstream.add('1', LAYER);
    await jobs.retry(id);
    await ended(id).toBe('done');
    expect(jobs.find(id)?.failure).toBeNull();
    await expect(jobs.retry(id)).rejects.toMatchObject({ code: 'JOB_STATE' });
    await expect(jobs.retry('0'.repeat(16))).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
  });

  it('says that this registry refused it', async () => {
    upstream.add('1', LAYER);
    await local.pushImage('lab/app', '1', ['older']);
    await local.registry.releaseTag('lab/app', '1', true);
    const { id } = await jobs.add(wish(), ADMIN);
    await ended(id).toBe('failed');
    expect(jobs.find(id)?.failure).toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('released'),
    });
  });

  it('is cancelled, and nothing half is left', async () => {
    upstream.add('1', LAYER);
    const { deliver } = held();
    upstream.deliveries.push(deliver, deliver);
    const { id } = await jobs.add(wish(), ADMIN);
    await expect.poll(() => flights.list().length).toBeGreaterThan(0);
    expect(await jobs.remove(id)).toBe(true);
    expect(jobs.find(id)?.state).toBe('cancelled');
    expect(flights.list()).toEqual([]);
    expect(local.registry.findImport('lab/app', digestOf(LAYER))).toBeUndefined();
    expect(await tagsOf('lab/app')).toBeUndefined();
    await restart();
    expect(jobs.find(id)?.state).toBe('cancelled');
    expect(await jobs.remove(id)).toBe(true);
    expect(jobs.list()).toEqual([]);
    expect(await readdir(join(state, 'imports'))).toEqual([]);
    expect(await jobs.remove(id)).toBe(false);
  });

  it('goes on by itself after a restart, from what has come', async () => {
    upstream.add('1', LAYER);
    const { deliver } = held();
    upstream.deliveries.push(deliver, deliver);
    const { id } = await jobs.add(wish(), ADMIN);
    await expect.poll(() => jobs.find(id)?.blobs.some(({ receivedBytes }) => receivedBytes > 0)).toBe(true);
    upstream.deliveries.length = 0;
    await restart();
    await ended(id).toBe('done');
    expect(upstream.requests).toContain(`BLOB ${formatDigest(digestOf(LAYER))} 1000`);
    expect(await tagsOf('lab/app')).toEqual(['1']);
  });

  it('keeps a credential no longer than it needs it, and shows it to nobody', async () => {
    upstream.add('1', LAYER);
    const { deliver, letGo } = held();
    upstream.deliveries.push(deliver, deliver);
    const credential = { user: 'lab', password: 'pass-of-the-registry' };
    const { id } = await jobs.add(wish({ credentials: credential }), ADMIN);
    expect(await readFile(fileOf(id), 'utf8')).toContain(credential.password);
    expect((await stat(fileOf(id))).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(jobs.list())).not.toContain(credential.password);
    letGo();
    await ended(id).toBe('done');
    expect(await readFile(fileOf(id), 'utf8')).not.toContain(credential.password);
    expect(credentials).toEqual([credential]);
  });
});

describe('several tags', () => {
  it('come as one job: one that cannot be had stops no other', async () => {
    upstream.add('1.0', LAYER);
    upstream.add('1.1', OTHER);
    const tags = ['1.0', '1.1', '1.2', '2.0'];
    upstream.documents.set('tags/list?n=1000', Buffer.from(JSON.stringify({ tags })));
    const source = 'docker://registry.example/lab/app';
    const { id } = await jobs.add(wish({ source, tags: ['1.*'] }), ADMIN);
    await ended(id).toBe('failed');
    expect(jobs.find(id)).toMatchObject({
      ...{ imagesTotal: 3, imagesDone: 2, digest: null, tag: null },
      failure: { message: '1 of 3 tags could not be had: 1.2: upstream has no 1.2' },
    });
    expect(await tagsOf('lab/app')).toEqual(['1.0', '1.1']);
    expect(told).toMatchObject([{ action: 'imported', image: 'oci:lab/app', source, by: 'admin' }]);
  });

  it('are none where none fits', async () => {
    upstream.documents.set('tags/list?n=1000', Buffer.from('{"tags":["2.0"]}'));
    const source = 'docker://registry.example/lab/app';
    const { id } = await jobs.add(wish({ source, tags: ['1.*'] }), ADMIN);
    await ended(id).toBe('failed');
    expect(jobs.find(id)?.failure).toEqual({
      code: 'NOT_FOUND',
      message: 'registry.example has no tag of lab/app that fits 1.*',
    });
  });
});

describe('many jobs', () => {
  it('run two at a time, in the order in which they were asked for', async () => {
    upstream.add('1', LAYER);
    const { deliver, letGo } = held();
    for (let index = 0; index < 20; index += 1) upstream.deliveries.push(deliver);
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push((await jobs.add(wish({ as: name }), ADMIN)).id);
    await expect.poll(() => flights.list().length).toBeGreaterThan(0);
    expect(ids.map((id) => jobs.find(id)?.state)).toEqual(['running', 'running', 'queued']);
    expect(jobs.list().map(({ repository }) => repository)).toEqual(['c', 'b', 'a']);
    await jobs.remove(ids[2] ?? '');
    expect(jobs.find(ids[2] ?? '')?.state).toBe('cancelled');
    letGo();
    for (const id of ids.slice(0, 2)) await ended(id).toBe('done');
  });

  it('wait up to a number', async () => {
    upstream.add('1', LAYER);
    const { deliver, letGo } = held();
    for (let index = 0; index < 1000; index += 1) upstream.deliveries.push(deliver);
    await Promise.all(Array.from({ length: 200 }, () => jobs.add(wish(), ADMIN)));
    await expect(jobs.add(wish(), ADMIN)).rejects.toMatchObject({ code: 'TOO_MANY_JOBS' });
    letGo();
    await expect.poll(() => jobs.list().every((job) => job.state === 'done')).toBe(true);
    // Of those that have ended the oldest are forgotten.
    await ended((await jobs.add(wish(), ADMIN)).id).toBe('done');
    expect(jobs.list()).toHaveLength(200);
    expect(await readdir(join(state, 'imports'))).toHaveLength(200);
  });
});

describe('the files of jobs', () => {
  it.each([
    ['half of one', '{"version":1,'],
    ['another document', '{"version":1,"id":"0123456789abcdef"}'],
    ['one that is too large', `"${'x'.repeat(2 * 1024 * 1024)}"`],
  ])('hold %s: it is left as it is, and the others are read', async (_title, text) => {
    upstream.add('1', LAYER);
    const { id } = await jobs.add(wish(), ADMIN);
    await ended(id).toBe('done');
    await mkdir(join(state, 'imports'), { recursive: true });
    await writeFile(fileOf('0123456789abcdef'), text);
    await restart();
    expect(jobs.list().map((job) => job.id)).toEqual([id]);
    expect(await readFile(fileOf('0123456789abcdef'), 'utf8')).toBe(text);
  });
});
