// SPDX-License-Identifier: Apache-2.0
/** What datastores that drip do to others, and to the file itself, with the whole programs. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import { type ImageServer, makeImage, serveImage, sha256Of, startImageServer } from './image-server.ts';

const SLOW = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const OTHER = '0c0f3d0e-9d5c-4f5e-9d3b-2b6f3a7f1f11';
const SIZE = 20_000;
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const contentOf = (name: string) => makeImage(SIZE, name);
const treeOf = (number: number, name: string, dsIdsList = [SLOW]) => ({
  uuid: uuidOf(number),
  dsIdsList,
  URL: name,
  iformat: 'RAW',
  sha256: sha256Of(contentOf(name)),
  maxSizeBytes: String(SIZE),
  displayName: name,
});
const nameOf = ({ url = '' }: IncomingMessage) => url.slice(1);
const LEAST = ['--least-rate', '1K', '--least-rate-window', '1'];

describe('a datastore that sends a few bytes now and then', () => {
  let agent: AgentFolder;
  let slow: ImageServer;
  let other: ImageServer;
  /** As long as it is set, files whose names say so come a byte at a time. */
  let isDripping: boolean;
  const timers = new Set<NodeJS.Timeout>();

  function drip(request: IncomingMessage, response: ServerResponse) {
    const image = contentOf(nameOf(request));
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const etag = `"${sha256Of(image)}"`;
    response.writeHead(from > 0 ? 206 : 200, {
      ...{ 'Accept-Ranges': 'bytes', 'Content-Length': SIZE - from, ETag: etag },
      ...(from > 0 && { 'Content-Range': `bytes ${from}-${SIZE - 1}/${SIZE}` }),
    });
    let position = from;
    const send = (end: number) => {
      response.write(image.subarray(position, end));
      position = end;
    };
    // With the head, so that something has come whenever a rate is taken.
    send(position + 5);
    const timer = setInterval(() => {
      send(isDripping ? position + 5 : SIZE);
      if (position === SIZE) {
        clearInterval(timer);
        response.end();
      }
    }, 50);
    timers.add(timer);
    response.on('close', () => clearInterval(timer));
  }

  beforeEach(async () => {
    isDripping = true;
    agent = await createAgentFolder();
    slow = await startImageServer((request, response) =>
      nameOf(request).startsWith('slow') && isDripping
        ? drip(request, response)
        : serveImage(request, response, contentOf(nameOf(request))),
    );
    other = await startImageServer((request, response) =>
      serveImage(request, response, contentOf(nameOf(request))),
    );
  });
  afterEach(async () => {
    await agent.remove();
    for (const timer of timers) clearInterval(timer);
    await slow.stop();
    await other.stop();
  });

  const configure = (...contentInfo: readonly object[]) =>
    agent.configure({
      datastores: [
        { id: SLOW, dType: 'DsHttp', fqdn: slow.url.origin },
        { id: OTHER, dType: 'DsHttp', fqdn: other.url.origin },
      ],
      contentInfo,
    });
  const expectState = (number: number, expected: object) =>
    expect.poll(() => agent.statusOf(uuidOf(number))).toMatchObject(expected);
  const askedFor = (name: string) => slow.requests.filter(({ url }) => url === `/${name}`);

  it('stops no other download, and is gone on with where it was', async () => {
    await configure(
      ...[1, 2].map((n) => treeOf(n, `slow-${n}`)),
      ...[3, 4, 5].map((n) => treeOf(n, `good-${n}`)),
    );
    await agent.start('--max-downloads', '2', ...LEAST);
    for (const number of [3, 4, 5]) await expectState(number, { State: 'VERIFIED' });
    isDripping = false;
    for (const number of [1, 2]) await expectState(number, { State: 'VERIFIED', Error: '' });
    const again = askedFor('slow-1').slice(1);
    const ranges = [...again, ...askedFor('slow-2').slice(1)].map(({ headers }) => headers.range);
    expect(ranges.length).toBeGreaterThan(0);
    for (const range of ranges) expect(range).toMatch(/^bytes=\d+-$/);
  });

  it('is not disturbed while nobody else wants anything', async () => {
    await configure(treeOf(1, 'slow-1'));
    await agent.start(...LEAST);
    await expect.poll(() => agent.lines('slower than the least rate: others may go first').length).toBe(1);
    isDripping = false;
    await expectState(1, { State: 'VERIFIED', RetryCount: 0 });
    expect(askedFor('slow-1').length).toBe(1);
  });

  it('gives way to the next datastore of the same content tree', async () => {
    await configure(treeOf(1, 'slow-1', [SLOW, OTHER]));
    await agent.start(...LEAST);
    await expectState(1, { State: 'VERIFIED', DatastoreID: OTHER });
    expect(other.ranges[0]).toMatch(/^bytes=\d+-$/);
  });

  it('may take any time where no rate is too slow', async () => {
    await configure(treeOf(1, 'slow-1'), treeOf(2, 'good-2'));
    await agent.start('--max-downloads', '1', '--least-rate', '0', '--least-rate-window', '1');
    await expect.poll(async () => (await agent.statusOf(uuidOf(1))).CurrentSize ?? 0).toBeGreaterThan(200);
    expect(await agent.statusOf(uuidOf(2))).toMatchObject({ State: 'INITIAL', CurrentSize: 0 });
    expect(slow.requests.length).toBe(1);
  });

  it('is connected to anew by a single download, which ends well', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slow-'));
    try {
      const url = new URL('/slow-1', slow.url).href;
      const run = agent.command(
        'download',
        url,
        '--sha256',
        sha256Of(contentOf('slow-1')),
        '-o',
        folder,
        ...LEAST,
      );
      await expect.poll(() => slow.requests.length).toBe(2);
      isDripping = false;
      const { exitCode, stderr } = await run;
      expect([exitCode, stderr]).toEqual([0, expect.stringContaining('less than --least-rate')]);
      expect(slow.ranges[1]).toMatch(/^bytes=\d+-$/);
      expect((await readFile(join(folder, 'slow-1'))).equals(contentOf('slow-1'))).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
