// SPDX-License-Identifier: Apache-2.0
/**
 * What EVE's downloader needs of the web server (`DownloadFile` of its zedUpload library), sent byte for byte
 * as it sends it and judged by the bytes that come back.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openRawHttp, type RawHttpConnection, type RawResponse } from './raw-http.ts';

const ADDRESS = '127.0.0.1';
const PATH = '/images/edge/disk.qcow2';
const BODY = randomBytes(300_001);
const LAST_MODIFIED = 'Tue, 03 Feb 2026 04:05:06 GMT';
const START_LIMIT_MS = 600_000;
const POLL_MS = 100;

/** Headers that would make EVE fail, or the file another one. */
const FORBIDDEN_HEADERS = ['content-encoding', 'location', 'transfer-encoding', 'set-cookie'];

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The head of a GET as Go's client writes it for EVE. */
const get = (path: string, ...more: string[]) => [
  `GET ${path} HTTP/1.1`,
  `Host: ${ADDRESS}`,
  'User-Agent: UnityNetworkReporter/ (linux amd64)',
  ...more,
];

describe("EVE's HTTP contract", () => {
  let folder: string;
  let port: number;
  let datastore: ChildProcess;
  let http: RawHttpConnection;

  /** Resolves once the file is served with its digest, which is when its head is final. */
  async function untilHashed(): Promise<void> {
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    for (;;) {
      const response = await fetch(`http://${ADDRESS}:${port}${PATH}`, {
        method: 'HEAD',
        signal: limit,
      }).catch(() => undefined);
      if (response?.headers.get('etag')?.startsWith('"sha256:')) return;
      if (datastore.exitCode !== null) throw new Error(`the datastore ended with ${datastore.exitCode}`);
      await delay(POLL_MS, undefined, { signal: limit });
    }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eve-http-'));
    const root = join(folder, 'root');
    await mkdir(join(root, 'images/edge'), { recursive: true });
    await writeFile(join(root, PATH), BODY);
    await utimes(join(root, PATH), new Date(LAST_MODIFIED), new Date(LAST_MODIFIED));
    port = await findFreePort();
    datastore = spawn(
      process.execPath,
      [
        'datastore-app/src/main.ts',
        'serve',
        ...['--root', root, '--state', join(folder, 'state'), '--host-name', 'ds'],
        ...['--address', ADDRESS, '--port', String(port), '--advertise', 'none', '--log-level', 'warn'],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await untilHashed();
  });
  afterAll(async () => {
    if (datastore.exitCode === null) {
      datastore.kill('SIGTERM');
      await once(datastore, 'exit');
    }
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    http = await openRawHttp(ADDRESS, port);
  });
  afterEach(() => http.close());

  function expectSound({ headers, headerLines }: RawResponse): void {
    expect(FORBIDDEN_HEADERS.filter((name) => headers.has(name))).toEqual([]);
    expect(headers.size).toBe(headerLines.length);
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('last-modified')).toBe(LAST_MODIFIED);
  }

  test('sends the whole file to a plain GET with an IP as host', async () => {
    const response = await http.request(...get(PATH));
    expect(response.statusLine).toBe('HTTP/1.1 200 OK');
    expectSound(response);
    expect(response.headers.get('content-length')).toBe(String(BODY.length));
    expect(response.body.equals(BODY)).toBe(true);
  });

  test.each([
    {
      more: [],
      statusLine: 'HTTP/1.1 200 OK',
      lengthLines: [`Content-Length: ${BODY.length}`],
    },
    {
      more: ['Range: bytes=300000-'],
      statusLine: 'HTTP/1.1 206 Partial Content',
      lengthLines: ['Content-Length: 1', `Content-Range: bytes 300000-300000/${BODY.length}`],
    },
  ])('sends this head and nothing more: $statusLine', async ({ more, statusLine, lengthLines }) => {
    const digest = createHash('sha256').update(BODY).digest();
    const expected = [
      'Accept-Ranges: bytes',
      'Connection: keep-alive',
      'Content-Type: application/octet-stream',
      `ETag: "sha256:${digest.toString('hex')}"`,
      'Keep-Alive: timeout=30',
      `Last-Modified: ${LAST_MODIFIED}`,
      `Repr-Digest: sha-256=:${digest.toString('base64')}:`,
      'X-Content-Type-Options: nosniff',
      ...lengthLines,
    ].sort();
    const response = await http.request(...get(PATH, ...more));
    expect(response.statusLine).toBe(statusLine);
    const isDate = (line: string) => line.startsWith('Date: ');
    expect(response.headerLines.filter(isDate)).toEqual([expect.stringMatching(/^Date: .* GMT$/)]);
    expect(response.headerLines.filter((line) => !isDate(line)).sort()).toEqual(expected);
  });

  test('never compresses, though Go offers gzip', async () => {
    const response = await http.request(...get(PATH, 'Accept-Encoding: gzip'));
    expect(response.statusLine).toBe('HTTP/1.1 200 OK');
    expectSound(response);
    expect(response.body.equals(BODY)).toBe(true);
  });

  test.each([0, 1, 65_536, 299_999, BODY.length - 1])('resumes at byte %i', async (offset) => {
    const response = await http.request(...get(PATH, `Range: bytes=${offset}-`));
    expect(response.statusLine).toBe('HTTP/1.1 206 Partial Content');
    expectSound(response);
    expect(response.headers.get('content-range')).toBe(`bytes ${offset}-${BODY.length - 1}/${BODY.length}`);
    expect(response.headers.get('content-length')).toBe(String(BODY.length - offset));
    expect(response.body.equals(BODY.subarray(offset))).toBe(true);
  });

  test('refuses a range that starts at the end', async () => {
    const response = await http.request(...get(PATH, `Range: bytes=${BODY.length}-`));
    expect(response.statusLine).toBe('HTTP/1.1 416 Range Not Satisfiable');
    expect(response.headers.get('content-range')).toBe(`bytes */${BODY.length}`);
  });

  test('lets query strings pass', async () => {
    const response = await http.request(...get(`${PATH}?sig=a%2Fb%3D&se=2026-01-01T00:00:00Z`));
    expect(response.statusLine).toBe('HTTP/1.1 200 OK');
    expect(response.body.equals(BODY)).toBe(true);
  });

  test.each([ADDRESS, `${ADDRESS}:80`, 'ds.local'])('does not mind the host %s', async (host) => {
    const response = await http.request(`GET ${PATH} HTTP/1.1`, `Host: ${host}`, 'Range: bytes=300000-');
    expect(response.statusLine).toBe('HTTP/1.1 206 Partial Content');
    expect(response.body.equals(BODY.subarray(300_000))).toBe(true);
  });

  test('says plainly that a file is not there', async () => {
    const response = await http.request(...get('/images/edge/absent.qcow2'));
    expect(response.statusLine).toBe('HTTP/1.1 404 Not Found');
    expect(response.headers.has('location')).toBe(false);
    const still = await http.request(...get(PATH, 'Range: bytes=300000-'));
    expect(still.statusLine).toBe('HTTP/1.1 206 Partial Content');
  });
});
