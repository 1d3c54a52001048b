// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { createGivenSockets } from '../sandbox/calves/ntp/given-sockets.ts';
import { encodeReply } from '../sandbox/calves/ntp/scripted-reply.ts';
import { openNtpSocket } from './ntp-socket.ts';

const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

async function listen(address: string, port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  opened.push(socket);
  return socket;
}
const answerOf = (number: bigint) => encodeReply({ originTimestamp: number, sentUnixNs: 0n });
/** As Node has it in the process that it is handed to. */
const takeUp = (fd: number, address: string) =>
  createSocket(address.includes(':') ? 'udp6' : 'udp4').bind({ fd });
/** As it is opened by one process and used by another. */
async function openTo(address: string, port: number) {
  const heard: bigint[] = [];
  let tell = () => {};
  const sockets = createGivenSockets(async () => ({
    socket: takeUp(openNtpSocket(address, port), address),
    address,
    port,
  }));
  const socket = await sockets.open({ id: '001', address }, (bytes) => {
    heard.push(Buffer.from(bytes).readBigUInt64BE(24));
    tell();
  });
  opened.push(socket);
  const hears = () =>
    new Promise<void>((resolve) => {
      tell = resolve;
    });
  return { socket, heard, hears };
}
const message = async (socket: Socket) => {
  const [bytes, from] = await once(socket, 'message');
  return { text: String(bytes), port: from.port as number };
};
/** What is sent before arrives before, on a loopback that keeps the order. */
const sendTo = (socket: Socket, bytes: Uint8Array, port: number, address: string) =>
  new Promise((resolve) => socket.send(bytes, port, address, resolve));

describe.each(['127.0.0.1', '::1', '::1%lo'])('a socket to %s', (address) => {
  const [host = ''] = address.split('%');

  test('asks, and hears what is answered', async () => {
    const server = await listen(host);
    const { socket, heard, hears } = await openTo(address, server.address().port);
    const arriving = message(server);
    socket.send(Buffer.from('question'));
    const { text, port } = await arriving;
    expect(text).toBe('question');
    const answered = hears();
    server.send(answerOf(7n), port, host);
    await answered;
    expect(heard).toEqual([7n]);
  });

  test('hears nobody else, and nothing but answers', async () => {
    const server = await listen(host);
    const other = await listen(host);
    const { socket, heard, hears } = await openTo(address, server.address().port);
    const arriving = message(server);
    socket.send(Buffer.from('question'));
    const { port } = await arriving;
    await sendTo(other, answerOf(1n), port, host);
    await sendTo(server, answerOf(2n).subarray(0, 47), port, host);
    await sendTo(server, Buffer.concat([Buffer.from([0x23]), answerOf(3n).subarray(1)]), port, host);
    const answered = hears();
    server.send(answerOf(7n), port, host);
    await answered;
    expect(heard).toEqual([7n]);
  });
});

test('another address of the same host is not heard', async () => {
  const server = await listen('127.0.0.1');
  const other = await listen('127.0.0.2', server.address().port);
  const { socket, heard, hears } = await openTo('127.0.0.1', server.address().port);
  const arriving = message(server);
  socket.send(Buffer.from('question'));
  const { port } = await arriving;
  await sendTo(other, answerOf(1n), port, '127.0.0.1');
  const answered = hears();
  server.send(answerOf(7n), port, '127.0.0.1');
  await answered;
  expect(heard).toEqual([7n]);
});

test('each has a port of its own', async () => {
  const server = await listen('127.0.0.1');
  const ports = new Set<number>();
  for (let turn = 0; turn < 8; turn += 1) {
    const { socket } = await openTo('127.0.0.1', server.address().port);
    const arriving = message(server);
    socket.send(Buffer.from('question'));
    ports.add((await arriving).port);
  }
  expect(ports.size).toBe(8);
  expect(ports.has(123)).toBe(false);
});

test('nobody who listens is the same as no answer, and later the server is heard', async () => {
  const gone = await listen('127.0.0.1');
  const { port } = gone.address();
  gone.close();
  opened.splice(opened.indexOf(gone), 1);
  const { socket, heard, hears } = await openTo('127.0.0.1', port);
  for (let turn = 0; turn < 3; turn += 1) {
    socket.send(Buffer.from('question'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const server = await listen('127.0.0.1', port);
  const arriving = message(server);
  socket.send(Buffer.from('again'));
  const answered = hears();
  server.send(answerOf(7n), (await arriving).port, '127.0.0.1');
  await answered;
  expect(heard).toEqual([7n]);
});

test.each([
  ['what is no address', 'ds.local', 'no address'],
  ['an interface that is not there', 'fe80::1%nosuch0', 'ENODEV'],
])('to %s none is opened', (_, address, message) => {
  expect(() => openNtpSocket(address, 123)).toThrow(message);
});

test('a closed one sends nothing, and may be closed again', async () => {
  const { socket } = await openTo('127.0.0.1', 9);
  socket.close();
  socket.close();
  socket.send(Buffer.from('question'));
});
