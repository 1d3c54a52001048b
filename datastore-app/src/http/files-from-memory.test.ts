// SPDX-License-Identifier: Apache-2.0
/** Small images that are asked for again, over real connections: what comes is what stands there when it is asked for. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileVersion, isSameVersion, versionOf } from '../content/file-version.ts';
import { createImageOpener } from '../images/open-image.ts';
import { createRememberedImages } from '../images/remembered-images.ts';
import { createFilesHandler } from './files.ts';
import { createTransferMemory } from './transfer-memory.ts';

const EXT4 = 0xef53;
const NFS = 0x6969;
const MODIFIED = new Date('2026-02-03T04:05:06Z');
const OLD = Buffer.alloc(64 * 1024, 'old ');
const NEW = Buffer.alloc(64 * 1024, 'new ');

let folder: string;
let root: string;
let server: Server;
/** How often a file was opened. */
let opened: number;
let fileSystem: number;
let isHashed: boolean;
let hashed: { path: string; version: FileVersion; sha256: string }[];
let isCorrupt: boolean;

const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
const at = (path: string) => join(root, path);

/** As the catalogue once it has hashed a file, also when it has not seen yet that the file is another. */
function digestOf(path: string, version: FileVersion): string | undefined {
  if (!isHashed) return undefined;
  const known = hashed.find((each) => each.path === path && isSameVersion(each.version, version));
  if (known !== undefined) return known.sha256;
  if (!isSameVersion(versionOf(statSync(at(path), { bigint: true })), version)) return undefined;
  const sha256 = sha256Of(readFileSync(at(path)));
  hashed.push({ path, version, sha256 });
  return sha256;
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'files-from-memory-')));
  root = join(folder, 'root');
  await mkdir(at('sub'), { recursive: true });
  for (const path of ['a.img', 'sub/b.img']) {
    await writeFile(at(path), OLD);
    await utimes(at(path), MODIFIED, MODIFIED);
  }
  opened = 0;
  fileSystem = EXT4;
  isHashed = true;
  hashed = [];
  isCorrupt = false;
  const openImage = createImageOpener(root);
  // All that is there was left alone for long.
  const remembered = createRememberedImages(
    { now: () => Date.now() + 600_000, typeOf: () => fileSystem },
    root,
  );
  const handle = createFilesHandler({
    ...{ log: silentLog, downloads: { begin: () => {} }, memory: createTransferMemory() },
    ...{ remembered, digestOf, isCorrupt: () => isCorrupt },
    openImage(path) {
      opened += 1;
      return openImage(path);
    },
  });
  server = createServer((request, response) => handle(request, response, request.url ?? ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function begin(path: string, headers = {}, method = 'GET'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({
    host: '127.0.0.1',
    port,
    path: `/${path}`,
    headers,
    method,
    agent: false,
  }).end();
  return (await once(sent, 'response'))[0];
}

/** An answer, which must be of one content whatever it is. */
async function get(path: string, headers = {}, method = 'GET') {
  const openedBefore = opened;
  const response = await begin(path, headers, method);
  const body = await buffer(response);
  const { date: _, connection: _connection, ...said } = response.headers;
  if (response.statusCode === 200 && method === 'GET') {
    expect(said['content-length']).toBe(String(body.length));
    if (isHashed) {
      expect(said.etag).toBe(`"sha256:${sha256Of(body)}"`);
      expect(said['repr-digest']).toBe(`sha-256=:${createHash('sha256').update(body).digest('base64')}:`);
    }
  }
  return { status: response.statusCode, headers: said, body, isFromMemory: opened === openedBefore };
}

/** Asks for an image until it is remembered. */
async function remember(path: string) {
  const first = await get(path);
  const second = await get(path);
  const third = await get(path);
  expect([first, second, third].map(({ isFromMemory }) => isFromMemory)).toEqual([false, false, true]);
  expect(third).toEqual({ ...first, isFromMemory: true });
  return third;
}

/** Until the kernel gives what changes now another time than a file has: old kernels count in steps of 10 ms. */
async function untilLaterThan(path: string): Promise<void> {
  const { ctimeNs } = await stat(path, { bigint: true });
  const probe = join(folder, 'probe');
  let probeNs = ctimeNs;
  while (probeNs <= ctimeNs) {
    await writeFile(probe, '.');
    probeNs = (await stat(probe, { bigint: true })).ctimeNs;
  }
}

async function replace(path: string, content: Uint8Array): Promise<void> {
  await writeFile(join(folder, 'next'), content);
  await rename(join(folder, 'next'), at(path));
}

async function overwrite(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(at(path), 'r+');
  await handle.write(content, 0, content.length, 0);
  await handle.close();
}

/** Does it, and puts the time back. */
async function keepingTime(path: string, change: () => Promise<void>): Promise<void> {
  await change();
  await utimes(at(path), MODIFIED, MODIFIED);
}

describe('an image that is remembered', () => {
  it.each<[string, () => Promise<unknown>, Buffer]>([
    ['replaced by another', () => replace('a.img', NEW), NEW],
    ['replaced by an empty one', () => replace('a.img', Buffer.alloc(0)), Buffer.alloc(0)],
    [
      'replaced by another with the same size and time',
      () => keepingTime('a.img', () => replace('a.img', NEW)),
      NEW,
    ],
    ['overwritten in place', () => overwrite('a.img', NEW), NEW],
    [
      'overwritten in place, and the time put back',
      () => keepingTime('a.img', () => overwrite('a.img', NEW)),
      NEW,
    ],
    ['longer', () => appendFile(at('a.img'), 'more'), Buffer.concat([OLD, Buffer.from('more')])],
    ['cut short', () => truncate(at('a.img'), 1000), OLD.subarray(0, 1000)],
    ['removed and put there again', () => rm(at('a.img')).then(() => writeFile(at('a.img'), NEW)), NEW],
    [
      'written to by another of its names',
      async () => {
        await link(at('a.img'), join(folder, 'other-name'));
        await writeFile(join(folder, 'other-name'), NEW);
      },
      NEW,
    ],
    [
      'a link to another',
      async () => {
        await replace('c.img', NEW);
        await rm(at('a.img'));
        await symlink('c.img', at('a.img'));
      },
      NEW,
    ],
  ])('is answered anew once it is %s', async (_title, change, expected) => {
    await remember('a.img');
    await untilLaterThan(at('a.img'));
    await change();
    const { status, body, isFromMemory } = await get('a.img');
    expect([status, body.equals(expected), isFromMemory]).toEqual([200, true, false]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['touched', () => utimes(at('a.img'), new Date(1000), new Date(86_400_000))],
    ['given another mode', () => chmod(at('a.img'), 0o600)],
    ['given another name', () => link(at('a.img'), at('c.img'))],
    ['renamed, and back again', () => rename(at('a.img'), at('c')).then(() => rename(at('c'), at('a.img')))],
  ])('is opened again once it is %s', async (_title, change) => {
    await remember('a.img');
    await untilLaterThan(at('a.img'));
    await change();
    const { status, headers, body, isFromMemory } = await get('a.img');
    expect([status, body.equals(OLD), isFromMemory]).toEqual([200, true, false]);
    expect(headers['last-modified']).toBe((await stat(at('a.img'))).mtime.toUTCString());
  });

  it.each<[string, () => Promise<unknown>]>([
    ['removed', () => rm(at('sub/b.img'))],
    ['removed with its folder', () => rm(at('sub'), { recursive: true })],
    ['a folder', () => rm(at('sub/b.img')).then(() => mkdir(at('sub/b.img')))],
    [
      'a pipe',
      async () => {
        await rm(at('sub/b.img'));
        expect(spawnSync('mkfifo', [at('sub/b.img')]).status).toBe(0);
      },
    ],
    [
      'a link to a file outside the root',
      async () => {
        await writeFile(join(folder, 'secret'), NEW);
        await rm(at('sub/b.img'));
        await symlink('../../secret', at('sub/b.img'));
      },
    ],
    [
      'in a folder that is a file by now',
      () => rm(at('sub'), { recursive: true }).then(() => replace('sub', NEW)),
    ],
  ])('is not there any more once it is %s', async (_title, change) => {
    await remember('sub/b.img');
    await change();
    expect((await get('sub/b.img')).status).toBe(404);
  });

  it('is another one once a link leads elsewhere, of a file or of a folder', async () => {
    await mkdir(at('new'));
    await writeFile(at('new/b.img'), NEW);
    await symlink('sub', at('folder'));
    await symlink('sub/b.img', at('link.img'));
    await remember('folder/b.img');
    await remember('link.img');
    await rm(at('folder'));
    await symlink('new', at('folder'));
    await rm(at('link.img'));
    await symlink('new/b.img', at('link.img'));
    for (const path of ['folder/b.img', 'link.img']) {
      const { body, isFromMemory } = await get(path);
      expect([body.equals(NEW), isFromMemory]).toEqual([true, false]);
    }
  });

  it('is remembered anew in its next version', async () => {
    await remember('a.img');
    await untilLaterThan(at('a.img'));
    await overwrite('a.img', NEW);
    expect((await remember('a.img')).body.equals(NEW)).toBe(true);
  });

  it('is sent to its end as it was when it is cut short meanwhile', async () => {
    await remember('a.img');
    const response = await begin('a.img');
    await truncate(at('a.img'), 10);
    expect((await buffer(response)).equals(OLD)).toBe(true);
  });

  it('is served no more once it is known to be damaged', async () => {
    await remember('a.img');
    isCorrupt = true;
    expect((await get('a.img')).status).toBe(503);
  });

  it('is opened again where its digest is not known any more', async () => {
    await remember('a.img');
    isHashed = false;
    const { headers, body, isFromMemory } = await get('a.img');
    expect([isFromMemory, body.equals(OLD), headers['repr-digest']]).toEqual([false, true, undefined]);
    expect(headers.etag).toMatch(/^"stat:/);
  });

  it('is opened for a part, a head, and on condition', async () => {
    const { headers } = await remember('a.img');
    const part = await get('a.img', { range: 'bytes=1-3' });
    expect([part.status, part.body.toString(), part.isFromMemory]).toEqual([206, 'ld ', false]);
    expect((await get('a.img', { 'if-none-match': headers.etag })).status).toBe(304);
    expect((await get('a.img', { 'if-modified-since': headers['last-modified'] })).status).toBe(304);
    expect((await get('a.img', { 'if-match': '"other"' })).status).toBe(412);
    const head = await get('a.img', {}, 'HEAD');
    expect([head.status, head.headers, head.isFromMemory]).toEqual([200, headers, false]);
    expect((await get('a.img')).isFromMemory).toBe(true);
  });

  it('goes to many at the same time, who take as long as they like', async () => {
    await remember('a.img');
    const responses = await Promise.all(Array.from({ length: 20 }, () => begin('a.img')));
    await untilLaterThan(at('a.img'));
    await overwrite('a.img', NEW);
    expect((await get('a.img')).body.equals(NEW)).toBe(true);
    for (const response of responses) expect((await buffer(response)).equals(OLD)).toBe(true);
  });
});

it.each<[string, () => unknown]>([
  [
    'stands on a network share',
    () => {
      fileSystem = NFS;
    },
  ],
  [
    'is not hashed',
    () => {
      isHashed = false;
    },
  ],
  ['is large', () => appendFile(at('a.img'), '.')],
])('opens an image each time that %s', async (_title, change) => {
  await change();
  for (let i = 0; i < 4; i += 1) {
    const { body, isFromMemory } = await get('a.img');
    expect([body.equals(await readFile(at('a.img'))), isFromMemory]).toEqual([true, false]);
  }
});
