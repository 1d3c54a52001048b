// SPDX-License-Identifier: Apache-2.0
/** What pages of others can make a browser ask: the real program on loopback, and the heads that browsers send. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';

const PASSWORD = 'read-password-1';

let place: DatastoreFolder;
let datastore: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('linux/disk image.img', 'content');
  datastore = await place.start(
    ...['--host-name', 'ds', '--trusted-host', 'Images.Example', '--read-password', PASSWORD],
  );
});
afterAll(() => place.remove());

describe('a name that leads here for a moment', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/-/'],
    ['GET', '/-/livez'],
    ['GET', '/-/api/v1/images'],
    ['GET', '/-/api/v1/status'],
    ['GET', '/-/metrics'],
    ['GET', '/-/ca.pem'],
    ['GET', '/-/nothing'],
    ['DELETE', '/-/api/v1/images/linux/disk%20image.img'],
    ['POST', '/-/api/v1/import'],
  ])('has no answer to %s %s, whatever the credential', async (method, path) => {
    const headers = { Host: 'evil.example' };
    const answer = await datastore.request(method, path, { headers });
    expect([answer.status, problemOf(answer)]).toEqual([421, 'HOST_UNKNOWN']);
    expect(answer.body.toString()).toContain('--trusted-host');
  });

  it.each(['ds.local', 'ds', 'localhost:8080', '10.1.0.5', '[fd00::1]:80', 'images.example'])(
    'is not %s',
    async (host) => {
      expect((await datastore.request('GET', '/-/api/v1/status', { headers: { Host: host } })).status).toBe(
        200,
      );
    },
  );

  it('may lead to images', async () => {
    const headers = { Host: 'files.example' };
    const answer = await datastore.request('GET', '/linux/disk%20image.img', { headers });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'content']);
    expect((await datastore.request('PUT', '/from-dns.img', { headers, body: 'x' })).status).toBe(201);
  });
});

describe('a page of somebody else', () => {
  it.each([
    ['PUT', '/linux/disk%20image.img'],
    ['POST', '/linux/disk%20image.img'],
    ['DELETE', '/linux/disk%20image.img'],
    ['DELETE', '/-/api/v1/images/linux/disk%20image.img'],
    ['POST', '/-/api/v1/import?replace=true'],
    ['POST', '/-/api/v1/uploads'],
    ['PATCH', '/-/api/v1/uploads/0123456789abcdef0123456789abcdef'],
  ])('may not %s %s, with the right token', async (method, path) => {
    for (const headers of [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
    ]) {
      const answer = await datastore.request(method, path, { headers, body: 'evil' });
      expect([answer.status, problemOf(answer)]).toEqual([403, 'ORIGIN_FOREIGN']);
    }
    expect(await readFile(join(place.root, 'linux/disk image.img'), 'utf8')).toBe('content');
  });

  it.each([
    ['the page itself', () => datastore.url],
    ['the page behind a proxy', () => 'https://images.example'],
  ])('is not %s', async (_, origin) => {
    const headers = { Origin: origin() };
    expect((await datastore.request('PUT', '/own.img', { headers, body: 'x' })).status).toBeLessThan(300);
  });
});

describe('a link to an image that needs a credential', () => {
  const linkTo = async (path: string) =>
    (await datastore.json(`/-/api/v1/download-links/${path}`)) as { url: string };

  it('is followed without one, for this image alone', async () => {
    await expect.poll(async () => (await datastore.get('/linux/disk%20image.img')).status).toBe(401);
    const { url } = await linkTo('linux/disk%20image.img');
    const answer = await datastore.get(url, { Range: 'bytes=3-' });
    expect([answer.status, answer.body.toString()]).toEqual([206, 'tent']);
    const ticket = url.slice(url.indexOf('?'));
    expect((await datastore.get(`/own.img${ticket}`)).status).toBe(401);
    expect((await datastore.get(`/-/api/v1/images${ticket}`)).status).toBe(401);
    expect((await datastore.get(url, {}, 'DELETE')).status).toBe(401);
    expect((await datastore.get(`${url.slice(0, -1)}`)).status).toBe(401);
  });

  it('is given to those alone who may read, and not logged', async () => {
    expect((await datastore.get('/-/api/v1/download-links/own.img')).status).toBe(401);
    expect((await datastore.request('GET', '/-/api/v1/download-links/.hidden')).status).toBe(404);
    const { url } = await linkTo('own.img');
    await datastore.get(url);
    expect(datastore.log()).not.toContain('ticket=');
  });
});
