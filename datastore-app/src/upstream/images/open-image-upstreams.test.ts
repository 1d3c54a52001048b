// SPDX-License-Identifier: Apache-2.0
/** Images from a web server that does as the test says, taken into a real store. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ByteSource, createSourceReader } from '../../content/byte-source.ts';
import { createHasher, type Hasher } from '../../content/hasher.ts';
import { createSpace } from '../../content/space.ts';
import { incomingDirectoryOf } from '../../content/staging.ts';
import { createImageStore } from '../../images/image-store.ts';
import { createImageOpener } from '../../images/open-image.ts';
import type { Publication } from '../../images/publication.ts';
import { readUpstreams } from '../upstream-settings.ts';
import { createImageParts } from './image-landing.ts';
import { type ImageUpstreams, openImageUpstreams } from './open-image-upstreams.ts';
import {
  type Answer,
  asItShould,
  cutAfter,
  type FileServer,
  sha256Of,
  startFileServer,
} from './testing/file-server.ts';

const HOUR_MS = 3_600_000;
const KIB = 1024;
const CONTENT = randomBytes(700 * KIB);

let folder: string;
let root: string;
let hasher: Hasher;
let server: FileServer;
let clock: ManualClock;
let upstreams: ImageUpstreams;
let published: Publication[];
let quotaBytes: number | undefined;
let laterMs: number;

/** A second one on the same folder is what the next start finds. */
async function start(
  settings = `- { prefix: hub, url: "${server.origin}/files/" }`,
): Promise<ImageUpstreams> {
  const file = join(folder, 'upstreams.yaml');
  await writeFile(file, `version: 1\nimages:\n  ${settings.replaceAll('\n', '\n  ')}\n`);
  const configured = readUpstreams(file).images;
  const space = createSpace(
    { freeBytes: async () => 1e12, usedBytes: () => 0 },
    { reserveBytes: 0, quotaBytes },
  );
  const store = createImageStore(
    { space, hash: hasher.hash, onPublished: async (images) => void published.push(...images) },
    { root, owner: 'test' },
  );
  const opened = openImageUpstreams({
    ...{ log: silentLog, store, clock, openImage: createImageOpener(root) },
    parts: createImageParts(
      { space, hash: hasher.hash, now: () => Date.now() + laterMs },
      { incoming: incomingDirectoryOf(root), expiryMs: HOUR_MS },
    ),
    upstreams: () => configured,
    catalogue: {
      verifiables: () =>
        published.map(({ path, version, sha256 }) => ({
          ...{ path, version, verified: null },
          digest: { algorithm: 'sha256', hex: sha256 },
        })),
      digestOf: (path, version) =>
        published.find((each) => each.path === path && each.version.inode === version.inode)?.sha256,
      isCorrupt: () => false,
    },
    findLocalHost: async () => undefined,
    wait: async (_ms, signal) => signal.throwIfAborted(),
  });
  await opened.start();
  return opened;
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'image-upstreams-')));
  root = join(folder, 'root');
  await mkdir(root);
  hasher = createHasher();
  server = await startFileServer();
  clock = createManualClock();
  published = [];
  quotaBytes = undefined;
  laterMs = 0;
  server.files.set('/files/linux/disk.img', CONTENT);
  server.files.set('/files/SHA256SUMS', server.checksums('/files/', 'linux/disk.img'));
  upstreams = await start();
});
afterEach(async () => {
  await upstreams.stop();
  await server.stop();
  await hasher.stop();
  await rm(folder, { recursive: true });
});

/** Reads a source piece by piece. */
async function readAll(source: ByteSource, from = 0): Promise<Buffer> {
  const reader = createSourceReader(source);
  const pieces: Buffer[] = [];
  try {
    for (let at = from; at < source.sizeBytes; ) {
      const piece = Buffer.alloc(Math.min(100 * KIB, source.sizeBytes - at));
      await new Promise<void>((resolve, reject) =>
        reader.fill(piece, at, (error) => (error === null ? resolve() : reject(error))),
      );
      pieces.push(piece);
      at += piece.length;
    }
    return Buffer.concat(pieces);
  } finally {
    source.close();
  }
}

async function open(path = 'hub/linux/disk.img'): Promise<ByteSource> {
  const distant = await upstreams.lookFor(path);
  if (distant === undefined) throw new Error(`${path} is not listed`);
  const source = await upstreams.open(distant);
  if (source === undefined) throw new Error(`${path} is here`);
  return source;
}
const stored = (bytes: number) => expect.poll(() => upstreams.fetches()[0]?.receivedBytes).toBe(bytes);
const ended = () => expect.poll(() => upstreams.fetches()).toEqual([]);
const gets = () => server.requests.filter((each) => each.startsWith('GET /files/linux'));

it('brings an image once for all who ask, and publishes it', async () => {
  const sources = await Promise.all(Array.from({ length: 5 }, () => open()));
  const contents = await Promise.all(sources.map((source, n) => readAll(source, n * 1000)));
  for (const [n, content] of contents.entries())
    expect(content.equals(CONTENT.subarray(n * 1000))).toBe(true);
  expect(gets()).toEqual(['GET /files/linux/disk.img']);
  expect(server.sentBytes()).toBe(CONTENT.length);
  expect(await readFile(join(root, 'hub/linux/disk.img'))).toEqual(CONTENT);
  expect(published).toMatchObject([{ path: 'hub/linux/disk.img', sha256: sha256Of(CONTENT) }]);
  await ended();
  expect(await readdir(incomingDirectoryOf(root))).toEqual([]);
});

it('brings no byte twice for five clients and two cuts', async () => {
  server.answers.push(cutAfter(200 * KIB, stored), cutAfter(150 * KIB, stored));
  const sources = await Promise.all(Array.from({ length: 5 }, () => open()));
  const contents = await Promise.all(sources.map((source) => readAll(source)));
  expect(contents.every((content) => content.equals(CONTENT))).toBe(true);
  expect(server.sentBytes()).toBe(CONTENT.length);
  expect(gets().length).toBe(3);
});

it('comes to its end though nobody reads it', async () => {
  (await open()).close();
  await ended();
  expect(await readFile(join(root, 'hub/linux/disk.img'))).toEqual(CONTENT);
});

it('goes on after a restart from what has come', async () => {
  server.answers.push((request, response, content) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 300 * KIB));
    request.once('close', () => response.destroy());
  });
  const source = await open();
  await expect.poll(() => upstreams.fetches()[0]?.receivedBytes).toBe(300 * KIB);
  source.close();
  await upstreams.stop();
  upstreams = await start();
  expect((await readAll(await open())).equals(CONTENT)).toBe(true);
  expect(gets().at(-1)).toBe(`GET /files/linux/disk.img bytes=${300 * KIB}-`);
  expect(server.sentBytes()).toBe(CONTENT.length);
});

it('has another revision whenever something else is to be said of what can come', async () => {
  const said = () =>
    JSON.stringify([
      ...[upstreams.fetches(), upstreams.failureOf(sha256Of(CONTENT))],
      [...upstreams.files()].map(({ path }) => path),
    ]);
  /** What was said at each revision. */
  const seen = new Map<string, Set<string>>();
  const look = () => {
    const revision = upstreams.revision();
    seen.set(revision, (seen.get(revision) ?? new Set()).add(said()));
  };
  let isOver = false;
  const looking = (async () => {
    for (; !isOver; await new Promise(setImmediate)) look();
  })();
  server.answers.push(
    (_request, response, content) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 300 * KIB));
      void stored(300 * KIB).then(() => response.end(content.subarray(300 * KIB)));
    },
    (_request, response) => void response.writeHead(404).end(),
  );
  const source = await open();
  await ended();
  source.close();
  await rm(join(root, 'hub/linux/disk.img'));
  published = [];
  await expect(open()).rejects.toThrow('has no image');
  await ended();
  look();
  clock.advance(30_000);
  look();
  isOver = true;
  await looking;
  expect(seen.size).toBeGreaterThan(4);
  expect([...seen.values()].filter(({ size }) => size > 1)).toEqual([]);
});

it('takes a copy that is here at another path, and asks nobody', async () => {
  await readAll(await open());
  await ended();
  server.files.set('/files/copy.img', CONTENT);
  server.files.set('/files/SHA256SUMS', server.checksums('/files/', 'linux/disk.img', 'copy.img'));
  await upstreams.refresh();
  const before = server.sentBytes();
  expect((await readAll(await open('hub/copy.img'))).equals(CONTENT)).toBe(true);
  expect(server.sentBytes()).toBe(before);
  expect(await readFile(join(root, 'hub/copy.img'))).toEqual(CONTENT);
});

it('leaves alone what has come to the path meanwhile', async () => {
  const source = await open();
  await mkdir(join(root, 'hub/linux'), { recursive: true });
  await writeFile(join(root, 'hub/linux/disk.img'), 'another');
  source.close();
  await ended();
  expect(await readFile(join(root, 'hub/linux/disk.img'), 'utf8')).toBe('another');
});

describe('of an upstream that gives something else', () => {
  const flipped: Answer = (request, response, content) => {
    const other = Buffer.from(content);
    other[other.length >> 1] = (other[other.length >> 1] ?? 0) ^ 1;
    asItShould(request, response, other);
  };
  const short: Answer = (request, response, content) =>
    asItShould(request, response, content.subarray(0, content.length - 1));
  const long: Answer = (_request, response, content) => {
    response.writeHead(200);
    response.write(content);
    response.end(Buffer.alloc(1));
  };
  const endless: Answer = (_request, response, content) => {
    response.writeHead(200);
    response.write(content);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * KIB)));
    };
    response.on('drain', more);
    more();
  };
  const encoded: Answer = (_request, response, content) =>
    void response
      .writeHead(200, { 'content-encoding': 'gzip', 'content-length': content.length })
      .end(content);
  const otherRange: Answer = (_request, response, content) =>
    void response
      .writeHead(206, { 'content-range': `bytes 5-${content.length - 1}/${content.length}` })
      .end(content.subarray(5));

  it.each<[string, Answer, string]>([
    ['a flipped bit', flipped, 'the upstream gives other content'],
    ['a byte less', short, 'with 716799 bytes, and its list says 716800'],
    ['a byte more', long, 'has more than its 716800 bytes'],
    ['no end', endless, 'has more than its 716800 bytes'],
    ['an encoding', encoded, 'encoded as gzip'],
    ['other bytes than asked for', otherRange, 'other bytes'],
    ['a page that is gone', (_request, response) => void response.writeHead(404).end(), 'has no image'],
    ['a refusal', (_request, response) => void response.writeHead(403).end(), 'does not give image'],
    [
      'a redirect to another scheme',
      (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'leads elsewhere',
    ],
  ])('%s: nobody has it whole, and nothing is kept', async (_title, answer, message) => {
    server.answers.push(answer);
    const failed = open().then((source) => readAll(source));
    await expect(failed).rejects.toThrow(message);
    await ended();
    expect(await readdir(root).then((names) => names.filter((name) => name !== '.incoming'))).toEqual([]);
    expect(await readdir(incomingDirectoryOf(root)).catch(() => [])).toEqual([]);
    // It is not asked for again at once, and then it is.
    await expect(open()).rejects.toThrow(message);
    expect(upstreams.failureOf(sha256Of(CONTENT))).toContain(message);
    clock.advance(30_000);
    expect((await readAll(await open())).equals(CONTENT)).toBe(true);
  });

  it('a redirect to another host: it is followed, and shown no credential', async () => {
    const other = await startFileServer();
    try {
      other.files.set('/moved', CONTENT);
      await writeFile(join(folder, 'password'), 'secret');
      await upstreams.stop();
      upstreams = await start(
        `- { prefix: hub, url: "${server.origin}/files/", credentials: { user: u, passwordFile: password } }`,
      );
      server.answers.push(
        (_request, response) => void response.writeHead(302, { location: `${other.origin}/moved` }).end(),
      );
      expect((await readAll(await open())).equals(CONTENT)).toBe(true);
      expect(server.headers.every(({ authorization }) => authorization === 'Basic dTpzZWNyZXQ=')).toBe(true);
      expect(other.headers.map(({ authorization }) => authorization)).toEqual([undefined]);
    } finally {
      await other.stop();
    }
  });
});

it('refuses an image that does not fit before anything of it comes', async () => {
  quotaBytes = CONTENT.length - 1;
  await upstreams.stop();
  upstreams = await start();
  await expect(open()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  expect(gets()).toEqual([]);
});

it('has no place for an image below a file', async () => {
  await writeFile(join(root, 'hub'), 'a file');
  await expect(open()).rejects.toMatchObject({ code: 'PATH_TAKEN' });
});

it('removes parts that nobody went on with for long', async () => {
  server.answers.push(cutAfter(100 * KIB, stored), ...Array.from({ length: 4 }, () => cutAfter(0, stored)));
  await expect(open().then((source) => readAll(source))).rejects.toThrow('closed the connection');
  expect((await readdir(incomingDirectoryOf(root))).length).toBe(2);
  expect(await upstreams.collectExpired()).toBe(0);
  laterMs = HOUR_MS;
  expect(await upstreams.collectExpired()).toBe(1);
  expect(await readdir(incomingDirectoryOf(root))).toEqual([]);
});
