// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import type { Collected, Collection } from '../../blobs/collection.ts';
import { createApi } from '../api.ts';
import { createRegistryCollectionRoutes } from './registry-collection.ts';

async function ask(query: string, collection: Collection | undefined) {
  const api = createApi({ log: silentLog }, [
    createRegistryCollectionRoutes({ collection: () => collection, note: () => {} }),
  ]);
  const server = createServer(api).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/-/api/v1/registry/gc${query}`, { method: 'POST' });
    return { status: answer.status, body: await answer.json() };
  } finally {
    server.close();
  }
}

const collected = (sentence: string): Collected => ({
  ...{ sentences: [sentence], manifests: [], blobs: 1, blobBytes: 2, paused: undefined },
});

it.each([
  ['', 'planned'],
  ['?apply=false', 'planned'],
  ['?apply=true', 'done'],
])('with "%s" says what is %s', async (query, sentence) => {
  const collection = { plan: () => collected('planned'), run: async () => collected('done') };
  expect(await ask(query, collection as unknown as Collection)).toEqual({
    status: 200,
    body: { sentences: [sentence], manifests: [], blobs: 1, blobBytes: 2, paused: null },
  });
  expect((await ask(query, undefined)).status).toBe(404);
});
