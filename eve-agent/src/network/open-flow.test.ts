// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { InternalAddressError } from '../transfer/flow.ts';
import { describeFlowContract } from '../transfer/flow-contract.ts';
import { openFlow } from './open-flow.ts';

describeFlowContract('of the system', async (answer) => {
  const server = createServer((socket) => {
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes;
      if (request.endsWith('\r\n\r\n')) socket.end(answer);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { address: host, port } = server.address() as AddressInfo;
  return {
    openFlow,
    place: { host, port, localAddress: '127.0.0.2', refusesInternal: false },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
});

// Addresses are looked up by nobody, so that what looks names up does not see them.
it.each([
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0.0.0.0',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
  'localhost',
  'LOCALHOST',
  'a.localhost',
  '224.0.0.251',
  '255.255.255.255',
])('a flow that is not to lead inside does not lead to %s', async (host) => {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let count = 0;
  server.on('connection', () => {
    count += 1;
  });
  const place = { host, port, localAddress: null, refusesInternal: true };
  await expect(openFlow(place, { signal: new AbortController().signal })).rejects.toThrow(
    InternalAddressError,
  );
  expect(count).toBe(0);
  server.close();
});
