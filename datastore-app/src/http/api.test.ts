// SPDX-License-Identifier: Apache-2.0
/** What the API answers when a route fails, whichever it is. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError, type StoreErrorCode } from '../content/store-error.ts';
import { ownParser } from '../parsing/run-task.ts';
import { createApi } from './api.ts';
import { createBundleRoutes } from './routes/bundles.ts';
import { createImageRoutes, type ImageRoutesDeps } from './routes/images.ts';

let server: Server;
let origin: string;
let failure: Error;
const error = vi.fn();
const info = vi.fn();

beforeEach(async () => {
  vi.clearAllMocks();
  failure = new Error('secret reason');
  const log = { ...silentLog, error, info };
  const fail = async () => {
    throw failure;
  };
  const shown = {
    list: () => [],
    find: () => {
      throw failure;
    },
  } as unknown as ImageRoutesDeps['shown'];
  const store = { remove: fail, stage: fail } as unknown as ImageRoutesDeps['store'];
  const listArtifacts = async () => ({ artifacts: [], revision: '' });
  const routers = [
    createImageRoutes({ note: () => {}, shown, store, listArtifacts }),
    createBundleRoutes({
      ...{ note: () => {}, catalogue: shown as never, store, parser: ownParser },
      openImage: () => undefined,
    }),
  ];
  server = createServer(createApi({ log }, routers)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('deleting an image', () => {
  it.each([
    ['NO_SPACE', 507],
    ['NOT_WRITABLE', 403],
    ['PATH_TAKEN', 409],
    ['NAME_INVALID', 400],
  ] as const satisfies [StoreErrorCode, number][])('says %s with %i', async (code, status) => {
    failure = new StoreError(code, 'why');
    const response = await fetch(`${origin}/-/api/v1/images/a`, { method: 'DELETE' });
    expect(await response.json()).toMatchObject({ status, code, detail: 'why' });
    expect(response.status).toBe(status);
    expect(error).not.toHaveBeenCalled();
  });

  it('keeps to itself what nobody foresaw, and logs it', async () => {
    const response = await fetch(`${origin}/-/api/v1/images/a`, { method: 'DELETE' });
    expect(await response.json()).toMatchObject({
      status: 500,
      detail: 'The change failed; the log says why. Nothing of it is kept.',
    });
    expect(error.mock.calls).toEqual([
      [{ path: '/-/api/v1/images/a', reason: 'secret reason' }, 'a request failed'],
    ]);
  });
});

it('does not speak of changes to who reads', async () => {
  const response = await fetch(`${origin}/-/api/v1/images/a`);
  expect(await response.json()).toMatchObject({
    status: 500,
    detail: 'The request could not be answered; the log says why.',
  });
});

it.each(['/-/api/v1/images/%E0%A4%A', '/-/api/v1/images/%'])('refuses the path %s', async (path) => {
  const response = await fetch(origin + path);
  expect(await response.json()).toMatchObject({ status: 400 });
});

it('says what a bundle lacks', async () => {
  const response = await fetch(`${origin}/-/api/v1/import`, { method: 'POST', body: 'no tar' });
  expect([response.status, await response.json()]).toMatchObject([400, { code: 'BUNDLE_INVALID' }]);
});

it('says what is wrong with an export', async () => {
  const response = await fetch(`${origin}/-/api/v1/export?path=missing`);
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'IMAGE_MISSING' }]);
  expect(response.headers.get('content-disposition')).toBeNull();
});

it('does not take a client that goes away for a failure', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('POST /-/api/v1/import HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nab');
  await once(server, 'request');
  socket.destroy();
  await expect.poll(() => info.mock.calls.length).toBeGreaterThan(0);
  expect(info.mock.calls[0]?.[1]).toContain('the client went away');
  expect(error).not.toHaveBeenCalled();
});

it('refuses while a body is still coming, so that the client can read why', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('POST /-/api/v1/import HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
  socket.write('no tar'.padEnd(2000, '.'));
  await once(socket, 'readable');
  expect(String(socket.read())).toMatch(/^HTTP\/1.1 400 Bad Request\r\n(.*\r\n)*Connection: close\r\n/i);
  socket.end();
  await text(socket);
});
