/** A port of this host that is held, and what comes to it passed on. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HeldPort, holdPort, type Target } from './held-port.ts';

let behind: Server;
let target: Target | null;
let held: HeldPort;
let hostPort: number;

/** One that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

beforeEach(async () => {
  // Answers when all is said, with what it was told.
  behind = createServer({ allowHalfOpen: true }, async (socket) => socket.end(`heard ${await text(socket)}`));
  behind.listen(0, '127.0.0.1');
  await once(behind, 'listening');
  target = { address: '127.0.0.1', port: (behind.address() as AddressInfo).port };
  hostPort = await freePort();
  held = await holdPort({ protocol: 'tcp', hostPort }, () => target);
});
afterEach(async () => {
  await held.close();
  behind.close();
});

/** @returns what is answered; a code where it was broken off */
async function say(words: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect({ host, port: hostPort, allowHalfOpen: true });
  socket.end(words);
  return await text(socket).catch((error: NodeJS.ErrnoException) => error.code ?? String(error));
}

it('is passed on to its end, both ways, by each loopback', async () => {
  expect(await say('one')).toBe('heard one');
  expect(await say('two'.repeat(100_000))).toBe(`heard ${'two'.repeat(100_000)}`);
  expect(await say('three', '::1')).toBe('heard three');
});

it('is broken off where there is nothing behind it, and goes on when there is', async () => {
  const there = target;
  target = null;
  expect(await say('one')).toBe('ECONNRESET');
  target = { address: '127.0.0.1', port: await freePort() };
  expect(await say('two')).toMatch(/^$|ECONNRESET/);
  target = there;
  expect(await say('three')).toBe('heard three');
});

it('is nobody else’s until it is let go, with what came by it', async () => {
  const other = holdPort({ protocol: 'tcp', hostPort }, () => null);
  await expect(other).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const socket = connect(hostPort, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await held.close();
  await closed;
  held = await holdPort({ protocol: 'tcp', hostPort }, () => target);
  expect(await say('one')).toBe('heard one');
});

it('one of UDP is held, too', async () => {
  const udp = await holdPort({ protocol: 'udp', hostPort }, () => null);
  const wanted = createSocket('udp4');
  const refused = once(wanted, 'listening');
  wanted.bind(hostPort, '127.0.0.1');
  await expect(refused).rejects.toMatchObject({ code: 'EADDRINUSE' });
  wanted.close();
  await expect(holdPort({ protocol: 'udp', hostPort }, () => null)).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  await udp.close();
  await (await holdPort({ protocol: 'udp', hostPort }, () => null)).close();
});
