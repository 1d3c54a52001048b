// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { RegistryDecision, RegistryWish } from '../access/registry-access.ts';
import { createRegistryGate, isRepositoriesPath } from './registry-gate.ts';

it.each([
  ['/-/api/v1/registry/repositories', true],
  ['/-/api/v1/registry/repositories/lab/app', true],
  ['/-/api/v1/registry/export/lab/app:1', true],
  ['/-/api/v1/registry/upstreams', true],
  ['/-/api/v1/registry/gc', false],
  ['/-/api/v1/registry/repositoriesx', false],
  ['/-/api/v1/registry/%72epositories', false],
  ['/-/api/v1/registry', false],
  ['/-/api/v1/images', false],
])('%s is decided by grants: %s', (path, expected) => {
  expect(isRepositoriesPath(path)).toBe(expected);
});

const pull: RegistryWish = { action: 'pull', repository: 'lab/app' };
const denied = { kind: 'denied', code: 'DENIED', detail: 'Not you.', challenge: 'Bearer realm="x"' } as const;

it.each<[string, RegistryWish, RegistryDecision, number, string | null, string | null]>([
  ['who reads without a credential', pull, { ...denied, status: 401 }, 401, 'Basic', null],
  ['who lists', { action: 'catalog', repository: undefined }, { ...denied, status: 401 }, 401, 'Basic', null],
  ['who changes', { ...pull, action: 'delete' }, { ...denied, status: 401 }, 401, 'Bearer', null],
  ['who has no grant', pull, { ...denied, status: 403 }, 403, null, null],
  ['who tries too often', pull, { ...denied, status: 429, retryAfterSeconds: 7 }, 429, null, '7'],
])('%s is told so as the API tells it', async (_title, wish, decision, status, scheme, retryAfter) => {
  const gate = createRegistryGate({ decide: async () => decision });
  const server = createServer((request, response) => void gate(request, response, wish)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('www-authenticate')?.split(' ')[0] ?? null).toBe(scheme);
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
    expect(await answer.json()).toMatchObject({ status, detail: 'Not you.' });
  } finally {
    server.close();
  }
});
