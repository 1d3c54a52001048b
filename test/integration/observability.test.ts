// SPDX-License-Identifier: Apache-2.0
/** What the datastore tells of itself: the real program on loopback. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatastoreFolder, type DatastoreFolder, WRITE_HEADERS } from '../lab/loopback-datastore.ts';

const IMAGE = Buffer.alloc(32 * 1024 * 1024, 'x');

let place: DatastoreFolder;
beforeEach(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.root);
  await writeFile(join(place.root, 'disk.img'), IMAGE);
});
afterEach(() => place.remove());

/** What the API answers; the tests say what they expect of it. */
const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;

/** Metrics by name and labels as they stand in the text. */
async function metrics(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/-/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const position = line.lastIndexOf(' ');
      return [line.slice(0, position), Number(line.slice(position + 1))];
    }),
  );
}

it('shows downloads while they run and after, disk, listeners and access', async () => {
  const { url, port } = await place.start('--quota', '1G', '--reserve', '1M');
  const request = get(`${url}/disk.img`, { headers: { 'User-Agent': 'slow client' } });
  const [response] = await once(request, 'response');
  expect(await json(`${url}/-/api/v1/status`)).toMatchObject({
    hostName: null,
    isReady: true,
    reasons: [],
    listeners: { http: port, https: null },
    advertising: null,
    queries: [],
    downloads: [
      {
        path: 'disk.img',
        client: '127.0.0.1',
        userAgent: 'slow client',
        state: 'running',
        totalBytes: IMAGE.length,
        endedAt: null,
      },
    ],
    disk: { imageBytes: IMAGE.length, quotaBytes: 1024 ** 3, reserveBytes: 1024 ** 2 },
    tls: null,
    access: { isReadOpen: true },
  });
  expect((await metrics(url)).get('datastore_downloads_in_flight')).toBe(1);
  response.resume();
  await once(response, 'end');
  await expect
    .poll(async () => (await json(`${url}/-/api/v1/status`)).downloads)
    .toEqual([expect.objectContaining({ state: 'done', sentBytes: IMAGE.length })]);
});

it('counts for Prometheus what was asked and answered', async () => {
  const { url } = await place.start();
  await (await fetch(`${url}/disk.img`)).arrayBuffer();
  await fetch(`${url}/missing`);
  await fetch(`${url}/new.img`, { method: 'PUT', body: 'content', headers: WRITE_HEADERS });
  await fetch(`${url}/new.img`, { method: 'DELETE' });
  await expect
    .poll(async () => [...(await metrics(url))])
    .toEqual(
      expect.arrayContaining([
        ['datastore_http_requests_total{method="GET",kind="image",code="200"}', 1],
        ['datastore_http_requests_total{method="GET",kind="image",code="404"}', 1],
        ['datastore_http_requests_total{method="PUT",kind="image",code="201"}', 1],
        ['datastore_http_requests_total{method="DELETE",kind="image",code="401"}', 1],
        ['datastore_image_bytes', IMAGE.length + 7],
        ['datastore_ready', 1],
      ]),
    );
  const counted = await metrics(url);
  expect(counted.get('datastore_http_sent_bytes_total{kind="image"}')).toBeGreaterThan(IMAGE.length);
  expect(counted.get('datastore_disk_free_bytes')).toBeGreaterThan(0);
  expect(counted.get('datastore_disk_size_bytes')).toBeGreaterThan(0);
  expect([...counted.keys()].some((name) => name.includes('tls_certificate'))).toBe(false);
});

it('answers in a line when the list of images did not change', async () => {
  const { url } = await place.start();
  const first = await fetch(`${url}/-/api/v1/images`);
  const entityTag = first.headers.get('etag') ?? '';
  const headers = { 'If-None-Match': entityTag };
  await fetch(`${url}/new.img`, { method: 'PUT', body: 'content', headers: WRITE_HEADERS });
  const changed = await fetch(`${url}/-/api/v1/images`, { headers });
  expect(changed.status).toBe(200);
  expect(await changed.json()).toMatchObject({ images: [{}, {}] });
  await expect
    .poll(async () => {
      const { headers: current } = await fetch(`${url}/-/api/v1/images`);
      const again = { 'If-None-Match': current.get('etag') ?? '' };
      return (await fetch(`${url}/-/api/v1/images`, { headers: again })).status;
    })
    .toBe(304);
});

const requestLines = (log: string) =>
  log
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'))
    .map((line) => JSON.parse(line) as { method: string; path: string; status: number });

it.each([
  ['none', []],
  [
    'notable',
    [
      { method: 'GET', path: '/disk.img', status: 200 },
      { method: 'PUT', path: '/new.img', status: 401 },
      { method: 'GET', path: '/missing', status: 404 },
    ],
  ],
  [
    'images',
    [
      { method: 'GET', path: '/disk.img', status: 200 },
      { method: 'PUT', path: '/new.img', status: 401 },
      { method: 'GET', path: '/missing', status: 404 },
      { method: 'GET', path: '/disk.img', status: 206 },
    ],
  ],
  [
    'all',
    [
      { method: 'GET', path: '/disk.img', status: 200 },
      { method: 'PUT', path: '/new.img', status: 401 },
      { method: 'GET', path: '/missing', status: 404 },
      { method: 'GET', path: '/disk.img', status: 206 },
      { method: 'GET', path: '/-/livez', status: 200 },
    ],
  ],
])('logs requests as told: %s', async (which, expected) => {
  const { url, log, stop } = await place.start('--access-log', which);
  await (await fetch(`${url}/disk.img?secret=1`)).arrayBuffer();
  const headers = { authorization: 'Bearer wrong-and-secret' };
  await (await fetch(`${url}/new.img`, { method: 'PUT', body: 'content', headers })).text();
  await (await fetch(`${url}/missing`)).text();
  await (await fetch(`${url}/disk.img`, { headers: { Range: 'bytes=0-9' } })).text();
  await (await fetch(`${url}/-/livez`)).text();
  expect(await stop()).toBe(0);
  expect(requestLines(log())).toEqual(expected.map((line) => expect.objectContaining(line)));
  expect(log()).not.toContain('secret');
});
