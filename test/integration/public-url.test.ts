// SPDX-License-Identifier: Apache-2.0
/** A datastore that is reached from elsewhere by a name of its own (`--public-url`): what it tells of itself to whom. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { createRepositoryClient, someImage } from './registry-content.ts';

const PUBLIC = 'https://images.example:8443';
/** Anybody can say so. */
const FORGED = {
  forwarded: 'for=10.0.0.1;host=evil.example;proto=http',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '1',
};

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('disk.img', 'content');
  datastore = await place.start('--public-url', PUBLIC, '--host-name', 'ds');
  await createRepositoryClient(datastore, 'lab/app').pushImage(someImage(), '1');
});
afterAll(() => place?.remove());

it.each([
  ['images.example:8443', PUBLIC],
  ['images.example', PUBLIC],
  ['127.0.0.1:8080', PUBLIC],
  ['backend', PUBLIC],
  ['ds.local', 'http://ds.local'],
  ['ds.local:8080', 'http://ds.local:8080'],
])('who asks for %s is sent to %s for tokens', async (host, origin) => {
  const { status, headers } = await datastore.get('/v2/', { host, ...FORGED });
  expect([status, headers['www-authenticate']]).toEqual([
    401,
    expect.stringContaining(`realm="${origin}/-/token",service="ds.local"`),
  ]);
});

it.each([
  ['images.example:8443', PUBLIC],
  ['IMAGES.example', PUBLIC],
  ['127.0.0.1', PUBLIC],
  ['ds.local', null],
])('page and API answer for %s, and tell of %s', async (host, publicUrl) => {
  const { status, body } = await datastore.get('/-/api/v1/status', { host, ...FORGED });
  expect([status, JSON.parse(String(body)).publicUrl]).toEqual([200, publicUrl]);
});

it('page and API answer to no other name', async () => {
  expect((await datastore.get('/-/api/v1/status', { host: 'evil.example', ...FORGED })).status).toBe(421);
});

it('its own page may change something there, and that of another may not', async () => {
  const change = async (origin: string) =>
    (
      await datastore.request('DELETE', '/absent.img', {
        headers: { origin, host: '127.0.0.1:8080', ...FORGED },
      })
    ).status;
  expect(await change(PUBLIC)).toBe(404);
  expect(await change('https://evil.example')).toBe(403);
});

it('locations have no host', async () => {
  const { status, headers } = await datastore.request('POST', '/v2/lab/app/blobs/uploads/', {
    headers: { host: 'images.example:8443', ...FORGED },
  });
  expect([status, headers.location]).toEqual([
    202,
    expect.stringMatching(/^\/v2\/lab\/app\/blobs\/uploads\//),
  ]);
});

it.each([
  ['images.example:8443', PUBLIC],
  ['ds.local', 'http://ds.local'],
])('EVE is told of the place: for %s of %s', async (host, place) => {
  const { body } = await datastore.get('/-/api/v1/eve/disk.img', { host, ...FORGED });
  const { datastore: told, edenCommand } = JSON.parse(String(body));
  // By its own name with the port that it listens on.
  expect(told.fqdn).toBe(place === PUBLIC ? place : `${place}:${datastore.port}`);
  expect(edenCommand).toContain(`${place}/disk.img`);
});

it.each([
  ['127.0.0.1:8080', 'images.example:8443/lab/app:1'],
  ['ds.local', 'ds.local/lab/app:1'],
])('an export is named as it is pulled: for %s %s', async (host, name) => {
  const path = '/-/api/v1/registry/export/lab/app:1';
  const { body } = await datastore.get(path, { host, ...FORGED });
  expect(body.includes(`"io.containerd.image.name":"${name}"`)).toBe(true);
});

it.each([
  ['images.example', '--public-url'],
  ['https://images.example/registry', 'without a path'],
  ['https://u:secret@images.example', '--public-url'],
])('--public-url %s is refused', async (url, message) => {
  const { exitCode, stderr } = await place.runPlain('serve', '--public-url', url);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
});
