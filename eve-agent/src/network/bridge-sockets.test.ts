// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { expect, it } from 'vitest';
import { describeBridgeSocketsContract } from '../discovery/bridge-sockets-contract.ts';
import { createOpenBridgeSockets, openBridgeSockets } from './bridge-sockets.ts';
import { createLoopbackLink } from './loopback-link.ts';
import { createMulticastSocket } from './multicast-socket.ts';

describeBridgeSocketsContract('of the system', async () => ({
  ...(await createLoopbackLink()),
  open: openBridgeSockets,
}));

it('are asked for all at once, as each may take its time', async () => {
  const ADDRESSES = ['10.1.0.1', '10.2.0.1'];
  const asked: string[] = [];
  const all = Promise.withResolvers<void>();
  const open = async (what: string) => {
    asked.push(what);
    if (asked.length === ADDRESSES.length + 1) all.resolve();
    await all.promise;
    return createSocket('udp4');
  };
  const openSockets = createOpenBridgeSockets({
    openGroup: () => open('group'),
    openAsking: async ({ address }) => createMulticastSocket(await open(address), () => {}),
  });
  const bridges = ADDRESSES.map((address, index) => ({
    ...{ name: `bn${index}`, address, cidr: `${address}/24` },
  }));
  const sockets = await openSockets(bridges);
  expect(asked.sort()).toEqual([...ADDRESSES, 'group']);
  expect(bridges.map(sockets.hearsGroup)).toEqual([true, true]);
  await sockets.close();
});
