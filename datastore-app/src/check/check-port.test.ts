// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { whyPortTaken } from './check-port.ts';

test('says why a port cannot be had, and leaves free ones free', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  expect(await whyPortTaken('127.0.0.1', port)).toContain(
    `port ${port} cannot be used: another program listens there`,
  );
  await new Promise((resolve) => server.close(resolve));
  expect(await whyPortTaken('127.0.0.1', port)).toBeUndefined();
  expect(await whyPortTaken('127.0.0.1', port)).toBeUndefined();
  expect(await whyPortTaken('192.0.2.99', 0)).toContain('no interface has this address');
});
