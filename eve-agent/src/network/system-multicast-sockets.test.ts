// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { encodeQuery } from '../discovery/dns-message.ts';
import { closeSocket } from './multicast-socket.ts';
import { systemMulticastSockets } from './system-multicast-sockets.ts';

const { openAsking, openGroup } = systemMulticastSockets;

const LOOPBACK = { address: '127.0.0.1', port: 0, ipTtl: 1 };

test.each([
  ['the interface went', 'ENETDOWN'],
  ['the port was taken', 'EADDRINUSE'],
  ['a firewall refused', 'EPERM'],
  ['anything', 'EIO'],
])('an error that comes later ends nothing, however often: %s', async (_, code) => {
  const { socket } = await openAsking(LOOPBACK);
  for (let count = 0; count < 2; count += 1) socket.emit('error', Object.assign(new Error(code), { code }));
  const heard = once(socket, 'message');
  socket.send('still here', socket.address().port, LOOPBACK.address);
  expect(String((await heard)[0])).toBe('still here');
  await closeSocket(socket);
});

test('the group is joined once', async () => {
  const { socket, join } = await openAsking(LOOPBACK);
  expect([await join(), await join()]).toEqual([undefined, undefined]);
  await closeSocket(socket);
});

test('a socket that is closed joins nothing, says so, and may be closed again', async () => {
  const { socket, join } = await openAsking(LOOPBACK);
  await closeSocket(socket);
  expect(await join()).toEqual(expect.any(String));
  await closeSocket(socket);
});

test.each([
  ['an address that this host does not have', { ...LOOPBACK, address: '192.0.2.1' }, 'EADDRNOTAVAIL'],
  ['a time to live that there is none of', { ...LOOPBACK, ipTtl: 256 }, 'EINVAL'],
])('%s is refused, and no socket is left', async (_, place, code) => {
  await expect(openAsking(place)).rejects.toThrow(code);
});

test('a port that another holds is refused, and can be had once it is free', async () => {
  const holder = createSocket('udp4');
  holder.bind({ address: LOOPBACK.address, port: 0, exclusive: true });
  await once(holder, 'listening');
  const place = { ...LOOPBACK, port: holder.address().port };
  await expect(openAsking(place)).rejects.toThrow('EADDRINUSE');
  await closeSocket(holder);
  const { socket } = await openAsking(place);
  expect(socket.address().port).toBe(place.port);
  await closeSocket(socket);
});

test('a question is one that others understand, and comes from the port of the socket', async () => {
  const { socket, ask, close } = await openAsking(LOOPBACK);
  const group = await openGroup();
  group.addMembership('224.0.0.251', LOOPBACK.address);
  // Others on this machine may speak to the group, too.
  const heard = new Promise<Buffer>((resolve) => {
    group.on('message', (bytes, { port }) => {
      if (port === socket.address().port) resolve(bytes);
    });
  });
  expect(await ask([{ name: 'ds.local', type: 'A' }])).toBeNull();
  expect(await heard).toEqual(encodeQuery({ questions: [{ name: 'ds.local', type: 'A' }] }));
  await Promise.all([close(), closeSocket(group)]);
});

test('a question that is asked as the socket closes ends nothing', async () => {
  const { ask, close } = await openAsking(LOOPBACK);
  const asked = ask([{ name: 'ds.local', type: 'A' }]);
  await Promise.all([close(), asked]);
  expect(await ask([{ name: 'ds.local', type: 'A' }])).toBeNull();
  await close();
});
