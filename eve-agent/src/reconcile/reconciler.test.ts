// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { CodedError } from '@local-datastore/shared/errors';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createContentStore } from '../content/content-store.ts';
import { hashFile } from '../content/hash-file.ts';
import { createJsonFile } from '../content/json-file.ts';
import { createStatusFiles } from '../content/status-files.ts';
import type { DownloadObserver, DownloadResult } from '../transfer/download-request.ts';
import { ContentError } from '../transfer/errors.ts';
import { type ImageResolution, imageResolutionSchema } from './image-resolution.ts';
import { createReconciler, type Reconciler } from './reconciler.ts';
import { retryRecordsSchema } from './retry-records.ts';
import type { ContentRequest, ResolveRequest } from './runtime.ts';
import { createTally, type Tally } from './tally.ts';
import { configOf, datastoreIdOf, datastoreOf, LIMITS, sha256Of, treeOf, uuidOf } from './test-fixtures.ts';

/** What the tests fetch: the fixtures' content with its true size. */
const tree = (number: number, more: object = {}) =>
  treeOf(number, { maxSizeBytes: String(`content ${number}`.length), ...more });

type Answer = (request: ContentRequest, observer: DownloadObserver, signal: AbortSignal) => Promise<void>;

let folder: string;
let clock: ManualClock;
let stop: AbortController;
let running: Promise<void>;
let reconciler: Reconciler;
let requests: ContentRequest[];
let tally: Tally;
let linkFailure: Error | null;
/** How many documents were made so far. */
let documents: number;
let isThere: boolean;
let answer: Answer;
let asked: ResolveRequest[];
let resolve: (request: ResolveRequest) => Promise<ImageResolution>;

const origin = {
  url: new URL('http://ds.local/'),
  address: '10.1.0.5',
  sourceAddress: '10.1.0.1',
  bridgeName: 'bn1',
};
/** A datastore that has everything. */
const serve: Answer = async (request, { onEvent, onProgress }) => {
  const text = `content ${request.url.pathname.split('-')[1]}`;
  onEvent({ kind: 'located', origin });
  onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: text.length });
  onProgress(text.length);
  onEvent({ kind: 'verifying' });
  await writeFile(join(folder, 'pending', request.sha256), text);
};
const result = { receivedBytes: 9, resumedFromBytes: 0 } as DownloadResult;

async function start() {
  const graceMs = 10_000;
  const store = createContentStore(folder, join(folder, 'images'));
  const statusFiles = createStatusFiles(join(folder, 'status'));
  reconciler = createReconciler(
    {
      store: {
        ...store,
        async link(name, sha256) {
          if (linkFailure !== null) throw linkFailure;
          await store.link(name, sha256);
        },
      },
      statusFiles: {
        ...statusFiles,
        write(key, document) {
          documents += 1;
          return statusFiles.write(key, document);
        },
      },
      holdsFile: createJsonFile(
        join(folder, 'holds.json'),
        z.record(z.string(), z.enum(['paused', 'cancelled'])),
        silentLog,
      ),
      lastUseFile: createJsonFile(join(folder, 'last-use.json'), z.record(z.string(), z.number()), silentLog),
      retriesFile: createJsonFile(join(folder, 'retries.json'), retryRecordsSchema, silentLog),
      resolutionsFile: createJsonFile(
        join(folder, 'resolutions.json'),
        z.record(z.string(), imageResolutionSchema),
        silentLog,
      ),
      namesFile: createJsonFile(join(folder, 'names.json'), z.array(z.string()), silentLog),
      async download(request, observer, signal) {
        requests.push(request);
        await answer(request, observer, signal);
        return { ...result, sizeBytes: Number(request.sizeBytes) };
      },
      async resolve(request) {
        asked.push(request);
        return await resolve(request);
      },
      async probe() {
        if (!isThere) throw new CodedError('DATASTORE_NOT_FOUND', 'no datastore', { retryable: true });
        return '10.1.0.5';
      },
      hashFile: (path, signal) => hashFile(path, 1e9, signal),
      clock,
      wallMs: () => 1_000_000 + clock.nowMs(),
      random: () => 0,
      tally,
      createId: () => 'id',
      log: silentLog,
    },
    {
      limits: { ...LIMITS, graceMs },
      schedule: { steadyMs: 60_000, slowMs: 600_000 },
      allowPlainCredentials: false,
    },
  );
  await reconciler.open();
  running = reconciler.run(stop.signal);
}
const state = (number: number) => reconciler.status(uuidOf(number));
const expectState = (number: number, expected: object) =>
  expect.poll(() => state(number)).toMatchObject(expected);
const files = (name: string) => readdir(join(folder, name));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconciler-'));
  clock = createManualClock();
  stop = new AbortController();
  requests = [];
  asked = [];
  resolve = () => Promise.reject(new Error('no image'));
  tally = createTally();
  isThere = true;
  linkFailure = null;
  documents = 0;
  answer = serve;
  await start();
});
afterEach(async () => {
  stop.abort();
  await running;
  await rm(folder, { recursive: true });
});

it('tells of every change on the way, and ends in VERIFIED with a name', async () => {
  const seen: ContentTreeStatus[] = [];
  reconciler.onEvent((event) => event.kind === 'status' && seen.push(event.status));
  reconciler.apply(configOf([tree(1)]));
  const FileLocation = join(folder, 'images', 'image-1');
  await expectState(1, { State: 'VERIFIED', Progress: 100, FileLocation });
  expect(seen[0]?.State).toBe('INITIAL');
  const verified = seen.filter(({ State }) => State === 'VERIFIED');
  expect(verified.map((status) => status.FileLocation)).toEqual([FileLocation]);
  expect(await files('status')).toEqual([`${uuidOf(1)}.json`]);
  expect(requests[0]).toMatchObject({ sha256: sha256Of('content 1'), sizeBytes: 9, authorization: null });
  expect([tally.downloadsVerified(), tally.receivedBytes()]).toEqual([1, result.receivedBytes]);
});

it.each([
  ['has everything', serve],
  [
    'refuses everything',
    () => Promise.reject(new CodedError('NOT_FOUND', 'it answered with 404', { retryable: false })),
  ],
] as const)('makes no document anew for what is as it was: a datastore %s', async (_what, answers) => {
  const COUNT = 100;
  answer = answers;
  reconciler.apply(configOf(Array.from({ length: COUNT }, (_, index) => tree(index + 1))));
  await expect.poll(() => requests.length).toBe(COUNT);
  await expect
    .poll(() =>
      reconciler.statuses().every(({ RetryCount, State }) => RetryCount > 0 || State === 'VERIFIED'),
    )
    .toBe(true);
  // Each of some steps, and once of all what is known of the datastore.
  expect(documents).toBeLessThan(10 * COUNT);
});

it('says why a name cannot be given, and gives it when it can', async () => {
  const place = join(folder, 'images', 'image-1');
  await mkdir(join(place, 'in the way'), { recursive: true });
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, {
    State: 'VERIFYING',
    FileLocation: '',
    ErrorCode: 'TARGET_UNWRITABLE',
    ErrorRetryCondition: expect.stringMatching(/^tries again at /),
  });
  expect(state(1)?.Error).toContain(`${place} cannot be made: `);
  await rm(place, { recursive: true });
  clock.advance(60_000);
  await expectState(1, { State: 'VERIFIED', FileLocation: place, Error: '', ErrorCode: '' });
});

it.each(['ENOSPC', 'EDQUOT'])(
  'says that there is no room for a name (%s), and gives it when there is',
  async (code) => {
    linkFailure = Object.assign(new Error(`${code}: no space left on device, copyfile`), { code });
    reconciler.apply(configOf([tree(1)]));
    await expectState(1, { State: 'VERIFYING', FileLocation: '', ErrorCode: 'NO_SPACE' });
    linkFailure = null;
    clock.advance(60_000);
    await expectState(1, { State: 'VERIFIED', Error: '', ErrorCode: '' });
  },
);

it('gives a name at once that could not be given, where a person asks for it', async () => {
  const place = join(folder, 'images', 'image-1');
  await mkdir(join(place, 'in the way'), { recursive: true });
  reconciler.apply(configOf([tree(1), tree(2)]));
  await expectState(1, { ErrorCode: 'TARGET_UNWRITABLE' });
  await expectState(2, { State: 'VERIFIED' });
  await rm(place, { recursive: true });
  expect([reconciler.act(uuidOf(1), 'retry'), reconciler.act(uuidOf(2), 'retry')]).toEqual([
    'done',
    'verified',
  ]);
  await expectState(1, { State: 'VERIFIED', FileLocation: place, Error: '' });
  expect(reconciler.act(uuidOf(1), 'retry')).toBe('verified');
  expect(requests.length).toBe(2);
});

it('replaces no file of somebody else, unless it is the very content', async () => {
  const images = join(folder, 'images');
  await writeFile(join(images, 'image-1'), 'precious');
  await writeFile(join(images, 'image-2'), 'content 2');
  await symlink('image-1', join(images, 'image-3'));
  reconciler.apply(configOf([tree(1), tree(2), tree(3)]));
  for (const number of [1, 3]) {
    await expectState(number, {
      State: 'VERIFYING',
      FileLocation: '',
      ErrorCode: 'TARGET_UNWRITABLE',
      Error: expect.stringContaining('did not put there'),
    });
  }
  await expectState(2, { State: 'VERIFIED', FileLocation: join(images, 'image-2') });
  expect((await stat(join(images, 'image-2'))).nlink).toBe(2);
  expect(await readFile(join(images, 'image-1'), 'utf8')).toBe('precious');
  await rename(join(images, 'image-1'), join(images, 'kept'));
  clock.advance(60_000);
  await expectState(1, { State: 'VERIFIED', Error: '' });
  reconciler.apply(configOf([]));
  await expect.poll(async () => (await files('images')).sort()).toEqual(['image-3', 'kept']);
});

it('replaces a name of its own that leads nowhere, also one that an earlier run gave', async () => {
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'VERIFIED' });
  stop.abort();
  await running;
  // As after a power loss in the middle of a scrub that found damage.
  await rm(join(folder, 'verified', sha256Of('content 1')));
  const name = join(folder, 'images', 'image-1');
  await rm(name);
  await writeFile(name, 'damaged 1');
  stop = new AbortController();
  await start();
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'VERIFIED', FileLocation: name });
  expect(await readFile(name, 'utf8')).toBe('content 1');
});

it('keeps a whole file that the disk does not take to its place, and fetches it only once', async () => {
  // In the way of the file, as a disk that is read-only by now would be.
  const place = join(folder, 'verified', sha256Of('content 1'));
  await mkdir(join(place, 'in the way'), { recursive: true });
  reconciler.apply(configOf([tree(1)]));
  const failure = { State: 'DOWNLOADED', ErrorCode: 'TARGET_UNWRITABLE', Progress: 100 };
  await expectState(1, { ...failure, ErrorRetryCondition: expect.stringMatching(/^tries again at /) });
  expect(state(1)?.Error).toContain(`${place} cannot be written`);
  clock.advance(60_000);
  await expect.poll(() => tally.failures()).toEqual(new Map([['TARGET_UNWRITABLE', 2]]));
  await expectState(1, failure);
  await rm(place, { recursive: true });
  expect(reconciler.act(uuidOf(1), 'retry')).toBe('done');
  await expectState(1, { State: 'VERIFIED', Error: '', ErrorRetryCondition: '' });
  expect(requests.length).toBe(1);
});

it('forgets why it failed before when a person asks for another try', async () => {
  isThere = false;
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { ErrorCode: 'DATASTORE_NOT_FOUND' });
  isThere = true;
  answer = (_request, _observer, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  expect(reconciler.act(uuidOf(1), 'retry')).toBe('done');
  expect(state(1)).toMatchObject({ Error: '', ErrorCode: '', ErrorTime: '', ErrorRetryCondition: '' });
});

it('tells nobody any more that something waits whose time has come, though it has no slot', async () => {
  const told: string[] = [];
  reconciler.onEvent((event) => {
    if (event.kind !== 'status' || event.status.ContentID !== uuidOf(1)) return;
    told.push(event.status.ErrorRetryCondition.slice(0, 'tries again'.length));
  });
  answer = async ({ url }, _observer, signal) => {
    if (url.pathname.endsWith('-1'))
      throw new CodedError('HTTP_STATUS', 'it answered with 503', { retryable: true });
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  reconciler.apply(configOf([tree(1), tree(2), tree(3)]));
  await expect.poll(() => requests.length).toBe(3);
  await expect.poll(() => told.at(-1)).toBe('tries again');
  clock.advance(60_000);
  await expect.poll(() => told.at(-1)).toBe('');
  expect(requests.length).toBe(3);
});

it('waits 1, 2, 4 … seconds for a datastore, until it shows up', async () => {
  isThere = false;
  reconciler.apply(configOf([tree(1)]));
  for (const [count, waitMs] of [1000, 2000, 4000].entries()) {
    await expectState(1, { State: 'INITIAL', ErrorCode: 'DATASTORE_NOT_FOUND', RetryCount: count + 1 });
    await expect.poll(() => clock.pendingTimers()).toBe(1);
    clock.advance(waitMs);
  }
  await expectState(1, { RetryCount: 4 });
  expect(tally.failures()).toEqual(new Map([['DATASTORE_NOT_FOUND', 4]]));
  isThere = true;
  expect(reconciler.waitedHosts()).toEqual(new Set(['ds1.local']));
  reconciler.wakeHost('other.local', false);
  reconciler.wakeHost('ds1.local', true);
  await expectState(1, { State: 'VERIFIED', Error: '' });
  expect(reconciler.waitedHosts()).toEqual(new Set());
});

it('counts a file that leads elsewhere, where nobody is, against that file alone', async () => {
  answer = async (request, observer, signal) => {
    if (request.url.pathname !== '/file-1') return await serve(request, observer, signal);
    observer.onEvent({ kind: 'located', origin });
    observer.onEvent({ kind: 'redirected', url: new URL('http://gone.example/file-1') });
    throw new CodedError('CONNECTION_FAILED', 'refused', { retryable: true });
  };
  reconciler.apply(configOf([tree(1), tree(2)]));
  await expectState(1, { ErrorCode: 'CONNECTION_FAILED', RetryCount: 1 });
  // The clock stands still: nothing is waited for.
  await expectState(2, { State: 'VERIFIED', Error: '', RetryCount: 0 });
});

it('takes an answer to its own question for no news of a datastore that was found', async () => {
  answer = async () => {
    throw new CodedError('CONNECTION_FAILED', 'refused', { retryable: true });
  };
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { ErrorCode: 'CONNECTION_FAILED', RetryCount: 1 });
  reconciler.wakeHost('ds1.local', true);
  await new Promise((done) => setImmediate(done));
  expect(requests.length).toBe(1);
  reconciler.wakeHost('ds1.local', false);
  await expectState(1, { RetryCount: 2 });
});

it('fetches shared content for the tree that states its size, whatever another one states', async () => {
  answer = async (request, observer, signal) => {
    if (request.sizeBytes === 9) return await serve(request, observer, signal);
    throw new ContentError('SIZE_MISMATCH', 'the file has 9 bytes, not 5');
  };
  const { sha256, URL } = tree(1);
  reconciler.apply(configOf([tree(1, { maxSizeBytes: '5' }), tree(2, { sha256, URL })]));
  await expectState(2, { State: 'VERIFIED', Error: '' });
  await expectState(1, { ErrorCode: 'SIZE_MISMATCH' });
});

it('waits longer each time for a datastore that begins anew and breaks off where it did before', async () => {
  answer = async (_, observer) => {
    observer.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: 9 });
    for (const receivedBytes of [2, 5]) observer.onProgress(receivedBytes);
    throw new CodedError('CONNECTION_LOST', 'lost', { retryable: true });
  };
  reconciler.apply(configOf([tree(1)]));
  for (const [count, waitMs] of [1000, 2000, 4000].entries()) {
    await expectState(1, { State: 'INITIAL', RetryCount: count + 1 });
    clock.advance(waitMs - 1);
    await new Promise((done) => setImmediate(done));
    expect(requests.length).toBe(count + 1);
    clock.advance(1);
  }
  await expectState(1, { RetryCount: 4 });
});

it('fetches from a datastore whose authority is right beside one at the same place whose is not', async () => {
  const [wrong = '', right = ''] = rootCertificates;
  answer = async (request, observer, signal) => {
    if (request.ca?.trim() === right.trim()) return await serve(request, observer, signal);
    throw new CodedError('CONNECTION_FAILED', 'the certificate does not verify', { retryable: false });
  };
  const datastores = [wrong, right].map((pem, i) =>
    datastoreOf(i + 1, {
      dType: 'DsHttps',
      fqdn: 'https://ds.example',
      dsCertPEM: [Buffer.from(pem).toString('base64')],
    }),
  );
  const trees = [tree(1), tree(2, { dsIdsList: [datastoreIdOf(2)] })];
  reconciler.apply(configOf(trees, datastores));
  await expectState(1, { State: 'INITIAL', ErrorCode: 'CONNECTION_FAILED', RetryCount: 1 });
  await expectState(2, { State: 'VERIFIED', Error: '' });
});

it('avoids an address that served wrong bytes, and takes the next datastore after five', async () => {
  answer = async (request, observer, signal) => {
    if (request.url.hostname === 'ds1.local') return await serve(request, observer, signal);
    observer.onEvent({ kind: 'located', origin });
    observer.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: 9 });
    observer.onEvent({ kind: 'verifying' });
    throw new ContentError('DIGEST_MISMATCH', 'wrong bytes');
  };
  reconciler.apply(configOf([tree(1, { dsIdsList: [datastoreIdOf(2)] })], [datastoreOf(2)]));
  for (const [count, waitMs] of [1000, 2000, 4000, 8000].entries()) {
    await expectState(1, { State: 'INITIAL', ErrorCode: 'DIGEST_MISMATCH', RetryCount: count + 1 });
    clock.advance(waitMs);
  }
  await expectState(1, { RetryCount: 5, ErrorSeverity: 'SEVERITY_ERROR' });
  expect(requests.length).toBe(5);
  expect([...(requests[4]?.avoidedAddresses ?? [])]).toEqual(['10.1.0.5']);
  reconciler.apply(
    configOf(
      [tree(1, { dsIdsList: [datastoreIdOf(2), datastoreIdOf(1)] })],
      [datastoreOf(1), datastoreOf(2)],
    ),
  );
  await expectState(1, { State: 'VERIFIED', DatastoreID: datastoreIdOf(1) });
});

it.each([
  ['refuses a file', new CodedError('HTTP_STATUS', '404')],
  ['sends wrong bytes', new ContentError('DIGEST_MISMATCH', 'wrong bytes')],
])('asks a datastore that announces itself all the time and %s no more than so often', async (_, error) => {
  answer = async (_, observer) => {
    observer.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: 9 });
    observer.onProgress(9);
    throw error;
  };
  reconciler.apply(configOf([tree(1)]));
  for (let second = 0; second < 600; second += 1) {
    clock.advance(1000);
    reconciler.wakeHost('ds1.local', false);
    for (let turn = 0; turn < 3; turn += 1) await new Promise((done) => setImmediate(done));
  }
  await expectState(1, { ErrorSeverity: 'SEVERITY_ERROR' });
  // Five wrong digests are borne before it counts as refused; four announcements in a row, then one in 150 s.
  expect(requests.length).toBeGreaterThanOrEqual(1 + 4);
  expect(requests.length).toBeLessThanOrEqual(5 + 4 + 600 / 150);
});

it('goes on from what an earlier run left: verified as it is, whole files after another look', async () => {
  stop.abort();
  await running;
  await writeFile(join(folder, 'verified', sha256Of('content 1')), 'content 1');
  await writeFile(join(folder, 'pending', sha256Of('content 2')), 'content 2');
  await writeFile(join(folder, 'pending', sha256Of('content 3')), 'content X');
  stop = new AbortController();
  await start();
  reconciler.apply(configOf([tree(1), tree(2), tree(3)]));
  for (const number of [1, 2, 3]) await expectState(number, { State: 'VERIFIED' });
  expect(requests.map(({ url }) => url.pathname)).toEqual(['/file-3']);
});

it('leaves every name as it is until a configuration comes', async () => {
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'VERIFIED', FileLocation: join(folder, 'images', 'image-1') });
  const changedAtNs = async () => (await stat(join(folder, 'images', 'image-1'), { bigint: true })).ctimeNs;
  const before = await changedAtNs();
  stop.abort();
  await running;
  stop = new AbortController();
  await start();
  // Any number of turns is enough for a plan.
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setImmediate(done));
  expect(await files('images')).toEqual(['image-1']);
  reconciler.apply(configOf([tree(1), tree(2)]));
  await expectState(2, { State: 'VERIFIED' });
  expect(await changedAtNs()).toBe(before);
});

it('keeps content that is dropped for its grace time, and takes it back without a download', async () => {
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'VERIFIED' });
  reconciler.apply(configOf([]));
  await expect.poll(() => files('images')).toEqual([]);
  await expect.poll(() => files('status')).toEqual([]);
  clock.advance(9000);
  reconciler.apply(configOf([tree(1, { displayName: 'again' })]));
  await expectState(1, { State: 'VERIFIED', FileLocation: join(folder, 'images', 'again') });
  expect(requests.length).toBe(1);
  reconciler.apply(configOf([]));
  await expect.poll(() => files('images')).toEqual([]);
  clock.advance(10_001);
  await expect.poll(() => files('verified')).toEqual([]);
});

it('fetches anew what a scrub finds damaged', async () => {
  reconciler.apply(configOf([tree(1), tree(2)]));
  await expectState(1, { State: 'VERIFIED' });
  await expectState(2, { State: 'VERIFIED' });
  const path = join(folder, 'verified', sha256Of('content 1'));
  await rm(path);
  await writeFile(path, 'c0ntent 1');
  await rm(join(folder, 'verified', sha256Of('content 2')));
  await reconciler.scrub(stop.signal);
  await expect.poll(() => requests.length).toBe(4);
  for (const number of [1, 2]) await expectState(number, { State: 'VERIFIED', Error: '' });
  expect((await hashFile(path, 1e9, stop.signal)).hex).toBe(sha256Of('content 1'));
});

it('gives names anew that a scrub finds gone, or to be damaged copies', async () => {
  reconciler.apply(configOf([tree(1), tree(2)]));
  for (const number of [1, 2]) await expectState(number, { State: 'VERIFIED' });
  const [gone, copy] = ['image-1', 'image-2'].map((name) => join(folder, 'images', name)) as [string, string];
  await rm(gone);
  await rm(copy);
  await writeFile(copy, 'c0ntent 2');
  await reconciler.scrub(stop.signal);
  await expect.poll(() => readFile(copy, 'utf8').catch(() => '')).toBe('content 2');
  await expect.poll(() => files('images')).toEqual(['image-1', 'image-2']);
  for (const number of [1, 2]) await expectState(number, { State: 'VERIFIED' });
  expect(requests.length).toBe(2);
});

it('goes on after a scrub that cannot remove what is damaged', async () => {
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'VERIFIED' });
  answer = async () => {
    throw new CodedError('TARGET_UNWRITABLE', 'read-only file system');
  };
  const path = join(folder, 'verified', sha256Of('content 1'));
  await rm(path);
  // No file is removed where a folder stands, as none is on a read-only disk.
  await mkdir(join(path, 'in the way'), { recursive: true });
  await reconciler.scrub(stop.signal);
  await expectState(1, { State: 'INITIAL', FileLocation: '', ErrorCode: 'TARGET_UNWRITABLE' });
  await expect.poll(() => files('images')).toEqual([]);
});

it('reads a verified file of an earlier run again when its size is not the wanted one', async () => {
  stop.abort();
  await running;
  await writeFile(join(folder, 'verified', sha256Of('content 1')), 'conte');
  await writeFile(join(folder, 'verified', sha256Of('content 2')), 'content 2');
  stop = new AbortController();
  await start();
  reconciler.apply(configOf([tree(1), tree(2, { maxSizeBytes: '5' })]));
  await expectState(1, { State: 'VERIFIED', Error: '', TotalSize: 9 });
  await expectState(2, { ErrorCode: 'SIZE_MISMATCH', TotalSize: 9 });
  expect(requests.map(({ url }) => url.pathname)).toEqual(['/file-1']);
});

it('pauses, cancels and retries one content tree', async () => {
  answer = (_, observer, signal) => {
    observer.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: 9 });
    observer.onProgress(4);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  reconciler.apply(configOf([tree(1)]));
  await expectState(1, { State: 'DOWNLOADING', ReservedSpace: 5 });
  expect(reconciler.act(uuidOf(1), 'pause')).toBe('done');
  await expectState(1, { State: 'INITIAL', Hold: 'paused', CurrentSize: 4, Error: '' });
  expect(reconciler.act(uuidOf(1), 'cancel')).toBe('done');
  await expectState(1, { Hold: 'cancelled', CurrentSize: 0 });
  answer = serve;
  expect(reconciler.act(uuidOf(1), 'retry')).toBe('done');
  await expectState(1, { State: 'VERIFIED', Hold: 'none' });
  expect(reconciler.act(uuidOf(1), 'cancel')).toBe('verified');
  expect(reconciler.act(uuidOf(2), 'pause')).toBe('unknown');
});

it('says what is wrong with a tree that cannot be fetched as it is configured', async () => {
  await mkdir(join(folder, 'x'));
  reconciler.apply(
    configOf([
      tree(1, { dsIdsList: [datastoreIdOf(9)] }),
      tree(2, { sha256: '', iformat: 'CONTAINER' }),
      tree(3, { maxSizeBytes: '5' }),
    ]),
  );
  expect(state(1)).toMatchObject({
    ErrorCode: 'CONFIGURATION_INVALID',
    Error: expect.stringContaining('not in the configuration'),
  });
  expect(state(2)).toMatchObject({ ErrorCode: 'NOT_SUPPORTED' });
});

describe('an image', () => {
  const place = () => join(folder, 'images', 'image-1');
  const image = (more: object = {}) =>
    treeOf(1, { iformat: 'CONTAINER', URL: 'app:1', sha256: '', maxSizeBytes: '0', ...more });
  const registry = datastoreOf(1, { dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' });
  const contents = ['manifest', 'config', 'layer'].map((text) => `${text} -`);
  const [manifest = '', config = '', layer = ''] = contents.map(sha256Of);
  const resolution: ImageResolution = {
    digest: `sha256:${manifest}`,
    manifest: { digest: `sha256:${manifest}`, sha256: manifest, mediaType: 'm', sizeBytes: 10 },
    blobs: [
      { sha256: config, sizeBytes: 8 },
      { sha256: layer, sizeBytes: 7 },
    ],
  };
  const blob = (sha256: string) => join(place(), 'blobs', 'sha256', sha256);
  beforeEach(() => {
    resolve = async () => resolution;
    answer = async (request, { onEvent, onProgress }) => {
      const text = contents.find((each) => sha256Of(each) === request.sha256) ?? '';
      onEvent({ kind: 'located', origin });
      onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: text.length });
      onProgress(text.length);
      onEvent({ kind: 'verifying' });
      await writeFile(join(folder, 'pending', request.sha256), text);
    };
  });
  async function restart() {
    stop.abort();
    await running;
    stop = new AbortController();
    await start();
  }

  it('passes all states of EVE on its way, and is asked for once, also after a restart', async () => {
    const seen = new Set<string>();
    reconciler.onEvent((event) => event.kind === 'status' && seen.add(event.status.State));
    let isAnswered = () => {};
    resolve = () => new Promise((done) => (isAnswered = () => done(resolution)));
    reconciler.apply(configOf([image()], [registry]));
    await expectState(1, { State: 'RESOLVING_TAG' });
    isAnswered();
    await expectState(1, { State: 'VERIFIED', FileLocation: place(), TotalSize: 25, CurrentSize: 25 });
    expect([...seen]).toEqual(
      expect.arrayContaining(['INITIAL', 'RESOLVING_TAG', 'DOWNLOADING', 'VERIFIED']),
    );
    expect(await readFile(blob(layer), 'utf8')).toBe('layer -');
    await restart();
    reconciler.apply(configOf([image()], [registry]));
    await expectState(1, { State: 'VERIFIED', FileLocation: place() });
    expect([asked.length, requests.length]).toEqual([1, 3]);
    reconciler.apply(configOf([], [registry]));
    await expect.poll(() => files('images')).toEqual([]);
    clock.advance(10_000);
    await expect.poll(() => files('verified')).toEqual([]);
  });

  it('is asked for again after a failure, at the next datastore at once', async () => {
    const urls: string[] = [];
    resolve = async ({ image: { registry: at } }) => {
      urls.push(at.host);
      if (at.host === 'ds.local')
        throw new CodedError('IMAGE_NOT_FOUND', 'it has no such tag', { details: { statusCode: 404 } });
      return resolution;
    };
    const next = datastoreOf(2, { dType: 'DsContainerRegistry', fqdn: 'docker://next.local' });
    const dsIdsList = [datastoreIdOf(1), datastoreIdOf(2)];
    reconciler.apply(configOf([image({ dsIdsList })], [registry, next]));
    await expectState(1, { State: 'VERIFIED' });
    expect(urls).toEqual(['ds.local', 'next.local']);

    reconciler.apply(configOf([image({ URL: 'other:1' })], [registry]));
    await expectState(1, { State: 'INITIAL', ErrorCode: 'IMAGE_NOT_FOUND', Error: 'it has no such tag' });
    await expect.poll(() => files('images')).toEqual([]);
  });

  it('that is dropped while it is asked for leaves nothing behind', async () => {
    let isAnswered = () => {};
    resolve = () => new Promise((done) => (isAnswered = () => done(resolution)));
    reconciler.apply(configOf([image()], [registry]));
    await expectState(1, { State: 'RESOLVING_TAG' });
    reconciler.apply(configOf([tree(2)]));
    isAnswered();
    await expectState(2, { State: 'VERIFYING' }).catch(() => {});
    expect(requests.every(({ registry: content }) => content === null)).toBe(true);
    expect(state(1)).toBeNull();
  });

  it('is scrubbed file by file: a damaged blob comes again, a damaged or missing file of the folder is made anew', async () => {
    reconciler.apply(configOf([image()], [registry]));
    await expectState(1, { State: 'VERIFIED' });
    await rm(join(folder, 'verified', layer));
    await writeFile(join(folder, 'verified', layer), 'damaged');
    await reconciler.scrub(stop.signal);
    await expect.poll(() => requests.length).toBe(4);
    expect(requests[3]?.sha256).toBe(layer);
    const inode = async (path: string) => (await stat(path).catch(() => null))?.ino;
    const isLinked = async (sha256: string) =>
      (await inode(blob(sha256))) === (await inode(join(folder, 'verified', sha256)));
    // The folder of before still has the file of before.
    await expect.poll(() => isLinked(layer)).toBe(true);
    await expectState(1, { State: 'VERIFIED', Error: '' });
    const digestThere = async () =>
      JSON.parse(await readFile(join(place(), 'index.json'), 'utf8').catch(() => '{}')).manifests?.[0].digest;
    for (const [spoiled, text] of [
      [blob(config), null],
      [join(place(), 'index.json'), '{}'],
      [join(place(), 'oci-layout'), null],
    ] as const) {
      await rm(spoiled);
      if (text !== null) await writeFile(spoiled, text);
      await reconciler.scrub(stop.signal);
      await expectState(1, { State: 'VERIFIED', FileLocation: place() });
      expect([await digestThere(), await isLinked(config)]).toEqual([`sha256:${manifest}`, true]);
      expect(await readFile(join(place(), 'oci-layout'), 'utf8')).toContain('1.0.0');
    }
    expect(requests.length).toBe(4);
  });

  it('waits with what it has while the disk takes no more, and cancelled it gives that up', async () => {
    let isFull = true;
    const serveAll = answer;
    answer = async (request, observer, signal) => {
      if (isFull && request.sha256 === layer)
        throw new CodedError('NO_SPACE', 'no space left', { retryable: false });
      await serveAll(request, observer, signal);
    };
    reconciler.apply(configOf([image()], [registry]));
    await expectState(1, { State: 'RESOLVED_TAG', CurrentSize: 18 });
    expect(reconciler.act(uuidOf(1), 'cancel')).toBe('done');
    await expectState(1, { Hold: 'cancelled', CurrentSize: 0 });
    isFull = false;
    expect(reconciler.act(uuidOf(1), 'retry')).toBe('done');
    await expectState(1, { State: 'VERIFIED' });
  });
});
