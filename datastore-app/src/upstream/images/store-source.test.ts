// SPDX-License-Identifier: Apache-2.0
/** In which way places tell what they have, over real connections to a server that does as the test says. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageUpstream } from './image-upstream-settings.ts';
import type { FileList, ImageSource } from './listed-file.ts';
import { createStoreSource } from './store-source.ts';
import { type FileServer, sha256Of, startFileServer } from './testing/file-server.ts';

const A = Buffer.from('content of a');
const B = Buffer.from('content of b, which is longer');

let server: FileServer;
let source: ImageSource;
beforeEach(async () => {
  server = await startFileServer();
  server.files.set('/files/a.img', A);
  server.files.set('/files/x/b.img', B);
  open();
});
afterEach(async () => {
  source.close();
  await server.stop();
});

function open(listing: ImageUpstream['listing'] = { kind: 'auto' }, hosts: readonly string[] = []): void {
  const place = { kind: 'http', base: new URL(`${server.origin}/files/`), credential: undefined } as const;
  source = createStoreSource({ place, listing, hosts: new Set(hosts), ca: undefined }, async () => undefined);
}
const read = () => source.readList(AbortSignal.timeout(30_000));
const namesOf = (list: FileList | undefined) => list?.files.map(({ path, sizeBytes }) => [path, sizeBytes]);
const sums = (...names: string[]) =>
  server.files.set('/files/SHA256SUMS', server.checksums('/files/', ...names));
const datastoreList = (...images: object[]) =>
  server.files.set('/-/api/v1/images', Buffer.from(JSON.stringify({ images })));
const SIZES = [
  ['a.img', A.length],
  ['x/b.img', B.length],
];

it('by the list of a datastore, before all others', async () => {
  sums('a.img');
  datastoreList({ path: 'files/a.img', sizeBytes: A.length, sha256: sha256Of(A), state: 'ready' });
  expect(namesOf(await read())).toEqual([SIZES[0]]);
  expect(server.requests).toEqual(['GET /-/api/v1/images']);
});

it.each([
  ['nothing', undefined],
  ['a page', Buffer.from('<html>not found, says a server that answers 200</html>')],
  ['another document', Buffer.from('{"images":"none"}')],
])('by SHA256SUMS, where %s stands in the place of the list of a datastore', async (_title, page) => {
  if (page !== undefined) server.files.set('/-/api/v1/images', page);
  sums('a.img', 'x/b.img');
  expect(namesOf(await read())).toEqual(SIZES);
  // Then it is known in which way.
  server.requests.length = 0;
  expect(await read()).toBeUndefined();
  expect(server.requests).toEqual(['GET /files/SHA256SUMS']);
});

it('and in another way when the first is there no more', async () => {
  sums('a.img');
  await read();
  server.files.delete('/files/SHA256SUMS');
  datastoreList({ path: 'files/x/b.img', sizeBytes: B.length, sha256: sha256Of(B), state: 'ready' });
  expect(namesOf(await read())).toEqual([SIZES[1]]);
});

it('says that there is neither', async () => {
  const failed = read();
  await expect(failed).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(failed).rejects.toThrow('has no list of images; ');
  await expect(failed).rejects.toThrow('has no list SHA256SUMS');
});

it('asks for the sizes of new files alone, and leaves out what is not there', async () => {
  sums('a.img', 'x/b.img');
  server.files.delete('/files/x/b.img');
  const list = await read();
  expect([namesOf(list), list?.leftOut, list?.isComplete]).toEqual([[SIZES[0]], 1, true]);
  expect(list?.reasons[0]).toContain('x/b.img: ');
  server.files.set('/files/c.img', B);
  sums('a.img', 'c.img');
  server.requests.length = 0;
  expect(namesOf(await read())).toEqual([SIZES[0], ['c.img', B.length]]);
  expect(server.requests.filter((each) => each.startsWith('HEAD'))).toEqual(['HEAD /files/c.img']);
});

it('takes a file for another one when its digest is another', async () => {
  sums('a.img');
  await read();
  server.files.set('/files/a.img', B);
  sums('a.img');
  expect(namesOf(await read())).toEqual([['a.img', B.length]]);
});

describe('by a manifest', () => {
  const entry = (more: object) => ({ path: 'a.img', sizeBytes: A.length, sha256: sha256Of(A), ...more });
  const manifest = (...images: object[]) =>
    server.files.set('/files/deep/list.json', Buffer.from(JSON.stringify({ version: 1, images })));
  const LISTING = { kind: 'manifest', path: 'deep/list.json' } as const;

  it('without a HEAD, relative to the manifest', async () => {
    open(LISTING);
    manifest(entry({}));
    expect((await read())?.files).toMatchObject([{ url: `${server.origin}/files/deep/a.img` }]);
    expect(server.requests).toEqual(['GET /files/deep/list.json']);
  });

  it('that leads to other hosts only where they are named', async () => {
    const images = [
      entry({ url: 'http://other.example/a' }),
      entry({ path: 'b', url: 'http://inner.example/b' }),
    ];
    open(LISTING, ['other.example']);
    manifest(...images);
    expect(namesOf(await read())).toEqual([SIZES[0]]);
  });

  it.each([
    ['is not beside the files', '../list.json'],
    ['is elsewhere', '/list.json'],
  ])('but none that %s', (_title, path) => {
    expect(() => open({ kind: 'manifest', path })).toThrow('does not stand beside the files');
    open();
  });
});

it.each([
  ['that is larger than any', Buffer.alloc(8 * 1024 * 1024 + 1, 'a'), 'of more than 8388608 bytes'],
  ['without a line of sha256sum', Buffer.from('hello\nworld\n'), 'no line of it is one of sha256sum'],
  ['that is no text', Buffer.from([0xff, 0xfe]), 'it is not UTF-8'],
])('does not take a list %s', async (_title, content, message) => {
  open({ kind: 'checksums', path: 'SHA256SUMS' });
  server.files.set('/files/SHA256SUMS', content);
  await expect(read()).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining(message) });
  // It is read when it has been put right.
  sums('a.img');
  expect(namesOf(await read())).toEqual([SIZES[0]]);
});

describe('a store that leads elsewhere', () => {
  const A_FILE = { path: 'a.img', sizeBytes: A.length, sha256: sha256Of(A) };
  /** `.local` names of this machine, which a URL does not show. */
  const findLocalHost = async (name: string) => (name === 'nobody.local' ? undefined : '127.0.0.1');

  async function fetchBy(host: string, to: (port: string) => string, hosts: readonly string[]) {
    const { port } = new URL(server.origin);
    const base = new URL(`http://${host}:${port}/files/`);
    const place = { kind: 'http', base, credential: undefined } as const;
    const named = new Set(hosts.map((each) => `${each}:${port}`));
    const leading = createStoreSource(
      { place, listing: { kind: 'auto' }, hosts: named, ca: undefined },
      findLocalHost,
    );
    server.answers.push((_request, response) => response.writeHead(302, { location: to(port) }).end());
    try {
      const url = new URL('a.img', base).href;
      const file = { ...A_FILE, url, format: undefined, modified: undefined };
      const { content } = await leading.open(file, 0, AbortSignal.timeout(30_000));
      const pieces: Uint8Array[] = [];
      for await (const piece of content) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    } finally {
      leading.close();
    }
  }
  const MOVED = '/files/x/a.img';
  beforeEach(() => server.files.set(MOVED, A));

  it.each<[string, string, (port: string) => string, readonly string[]]>([
    ['to loopback', 'store.local', (port) => `http://127.0.0.1:${port}${MOVED}`, []],
    ['to loopback by IPv6', 'store.local', (port) => `http://[::1]:${port}${MOVED}`, []],
    [
      'to loopback in IPv6 for IPv4',
      'store.local',
      (port) => `http://[::ffff:127.0.0.1]:${port}${MOVED}`,
      [],
    ],
    ['by another name that leads here', 'store.local', (port) => `http://other.local:${port}${MOVED}`, []],
    ['by the name of this machine', 'store.local', (port) => `http://localhost:${port}${MOVED}`, []],
    ['to what gives credentials in clouds', '127.0.0.1', () => 'http://169.254.169.254/latest', []],
    ['to its own link', '127.0.0.1', () => 'http://[fe80::1]/x', []],
  ])('%s is not followed', async (_title, host, to, hosts) => {
    await expect(fetchBy(host, to, hosts)).rejects.toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining('address of this machine'),
    });
    expect(server.requests).toEqual(['GET /files/a.img']);
  });

  it.each<[string, string, (port: string) => string, readonly string[]]>([
    ['stands on this machine', '127.0.0.1', (port) => `http://localhost:${port}${MOVED}`, []],
    ['leads to itself', 'store.local', (port) => `http://store.local:${port}${MOVED}`, []],
    [
      'leads to what is named (hosts)',
      'store.local',
      (port) => `http://other.local:${port}${MOVED}`,
      ['other.local'],
    ],
    [
      'leads to an address that is named',
      'store.local',
      (port) => `http://127.0.0.1:${port}${MOVED}`,
      ['127.0.0.1'],
    ],
  ])('is followed where it %s', async (_title, host, to, hosts) => {
    expect(await fetchBy(host, to, hosts)).toBe(A.toString());
  });
});
