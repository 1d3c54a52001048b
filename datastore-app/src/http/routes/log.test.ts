// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLogLines, type LogLines } from '../../activity/log-lines.ts';
import { createApi } from '../api.ts';
import type { Authorize } from '../authorize.ts';
import { createLogRoutes } from './log.ts';

const PLACE = '/-/api/v1/log';
const lineOf = (msg: string) => JSON.stringify({ level: 'info', time: '2026-11-30T10:39:04.710Z', msg });

let server: Server;
let logLines: LogLines;
let stopping: AbortController;
let asked: unknown[];

beforeEach(async () => {
  logLines = createLogLines();
  stopping = new AbortController();
  asked = [];
  const authorize: Authorize = (request, response, wish) => {
    asked.push(wish);
    const isAllowed = request.headers.authorization === 'Bearer right';
    if (!isAllowed) sendProblem(response, { status: 401, detail: 'no' });
    return isAllowed;
  };
  const routes = createLogRoutes({ logLines, authorize, stopping: stopping.signal });
  server = createServer(createApi({ log: silentLog }, [routes])).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

const get = (path: string, token = 'right') =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    headers: { Authorization: `Bearer ${token}` },
  });

it.each([PLACE, `${PLACE}/events`])('asks at %s who it is', async (path) => {
  logLines.note(lineOf('kept'));
  const response = await get(path, 'wrong');
  expect([response.status, await response.text()]).toEqual([401, expect.not.stringContaining('kept')]);
  expect(asked).toEqual([{ action: 'read', resource: { kind: 'log' } }]);
});

it('gives the last lines, the oldest first', async () => {
  for (const msg of ['first', 'second']) logLines.note(lineOf(msg));
  expect(await (await get(PLACE)).json()).toMatchObject({
    lines: [{ message: 'first' }, { id: 2, level: 'info', message: 'second' }],
  });
});

it('sends what there is and what comes, until the datastore stops', async () => {
  logLines.note(lineOf('before'));
  const response = await get(`${PLACE}/events`);
  logLines.note(lineOf('meanwhile'));
  stopping.abort();
  const events = await response.text();
  expect([...events.matchAll(/"message":"(\w+)"/g)].map(([, message]) => message)).toEqual([
    'before',
    'meanwhile',
  ]);
});

it('ends at once for who comes while the datastore stops', async () => {
  stopping.abort();
  expect(await (await get(`${PLACE}/events`)).text()).toBe('');
});
