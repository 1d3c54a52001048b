// SPDX-License-Identifier: Apache-2.0
/**
 * A calf: has the store on descriptor 3. Doubles what stands at `/task/N`, writes it to `/own/N`, and ends when `/task`
 * says so.
 */
import { Socket } from 'node:net';
import { openStoreClient } from '../../../eve-agent/src/sandbox/store/store-client.ts';

const client = openStoreClient(new Socket({ fd: 3, readable: true, writable: true }));
await client.watch('/task/*', ({ path, value }) => {
  if (value === null) return;
  const doubled = String(2 * Number(Buffer.from(value).toString()));
  client.write(['own', path[1] ?? ''], Buffer.from(doubled)).catch(() => {});
});
await client.watch('/end', ({ value }) => {
  if (value !== null) client.close();
});
await client
  .write(['forbidden'], Buffer.from('x'))
  .catch((error) => client.write(['own', 'refused'], Buffer.from(error.code)));
await client.closed;
