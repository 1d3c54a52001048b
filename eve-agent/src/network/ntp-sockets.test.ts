import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { openNtpSockets } from './ntp-sockets.ts';

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
async function openTo(address: string, port: number) {
  const heard: string[] = [];
  let tell = () => {};
  const socket = await openNtpSockets(port).open({ id: '001', address }, (bytes) => {
    heard.push(Buffer.from(bytes).toString());
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

describe.each(['127.0.0.1', '::1'])('a socket to %s', (address) => {
  test('asks, and hears what is answered', async () => {
    const server = await listen(address);
    const { socket, heard, hears } = await openTo(address, server.address().port);
    const arriving = message(server);
    socket.send(Buffer.from('question'));
    const { text, port } = await arriving;
    expect(text).toBe('question');
    const answered = hears();
    server.send('answer', port, address);
    await answered;
    expect(heard).toEqual(['answer']);
  });

  test('hears nobody else', async () => {
    const server = await listen(address);
    const other = await listen(address);
    const { socket, heard, hears } = await openTo(address, server.address().port);
    const arriving = message(server);
    socket.send(Buffer.from('question'));
    const { port } = await arriving;
    // In this order, on a loopback that keeps it.
    await new Promise((resolve) => other.send('forged', port, address, resolve));
    const answered = hears();
    server.send('answer', port, address);
    await answered;
    expect(heard).toEqual(['answer']);
  });
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
  // The first may be lost to what the kernel still has to say of those before.
  const again = setInterval(() => socket.send(Buffer.from('again')), 5);
  const answered = hears();
  server.send('answer', (await arriving).port, '127.0.0.1');
  await answered;
  clearInterval(again);
  expect(heard).toEqual(['answer']);
});

test('where there is no way it is not opened', async () => {
  // The kernel lets nobody connect to the broadcast address who did not ask for that.
  await expect(openNtpSockets().open({ id: '001', address: '255.255.255.255' }, () => {})).rejects.toThrow();
});

test('a closed one sends nothing, and may be closed again', async () => {
  const { socket } = await openTo('127.0.0.1', 9);
  socket.close();
  socket.close();
  socket.send(Buffer.from('question'));
});
