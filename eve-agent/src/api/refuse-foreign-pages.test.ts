// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { refuseForeignPages } from './refuse-foreign-pages.ts';

let end = () => {};
afterEach(() => end());

/** What is answered: 200 where the API is reached. */
async function ask(isPlain: boolean, method: string, headers: Record<string, string>) {
  const server = createServer(
    refuseForeignPages((_request, response) => response.end('{"status":200}'), isPlain),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  end = () => server.close();
  const { port } = server.address() as AddressInfo;
  const request = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false });
  const [response] = await once(request.end(), 'response');
  return (await json(response)) as { status: number; code?: string };
}

const HOST = { host: 'localhost:8866' };

it.each<[string, string, Record<string, string>]>([
  ['a program that changes something', 'POST', {}],
  ['our page that changes something', 'POST', { origin: 'http://localhost:8866' }],
  ['a person who typed the address', 'GET', { 'sec-fetch-site': 'none' }],
  ['a link on a foreign page', 'GET', { 'sec-fetch-site': 'cross-site' }],
])('lets in %s', async (_who, method, headers) => {
  for (const isPlain of [true, false]) {
    expect(await ask(isPlain, method, { ...HOST, ...headers })).toEqual({ status: 200 });
  }
});

it.each<[string, string, Record<string, string>]>([
  ['a foreign page', 'POST', { origin: 'https://evil.example' }],
  ['a foreign page', 'PUT', { origin: 'https://evil.example' }],
  ['a foreign page', 'DELETE', { origin: 'null' }],
  ['another port of the host', 'POST', { origin: 'http://localhost:8080' }],
  ['a form of another site', 'POST', { 'sec-fetch-site': 'cross-site' }],
])('refuses a change to %s by %s', async (_who, method, headers) => {
  for (const isPlain of [true, false]) {
    expect(await ask(isPlain, method, { ...HOST, ...headers })).toMatchObject({
      status: 403,
      code: 'ORIGIN_FOREIGN',
    });
  }
});

it.each(['agent', 'localhost', '127.0.0.1:8866', '[::1]:8866'])('has the name %s', async (host) => {
  expect(await ask(true, 'GET', { host })).toEqual({ status: 200 });
});

it('has no name that may be that of another, but where a certificate tells who it is', async () => {
  const host = 'rebound.example:8866';
  expect(await ask(true, 'GET', { host })).toMatchObject({ status: 421, code: 'HOST_UNKNOWN' });
  expect(await ask(false, 'GET', { host })).toEqual({ status: 200 });
});
