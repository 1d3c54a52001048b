// SPDX-License-Identifier: Apache-2.0
/** A port of this host that is held, and what comes to it passed on. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, isIPv6, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Target } from './datagram-relay.ts';
import { type HeldPort, holdPort } from './held-port.ts';

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
  held = await holdPort({ protocol: 'tcp', hostPort }, () => target, createManualClock());
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
  const other = holdPort({ protocol: 'tcp', hostPort }, () => null, createManualClock());
  await expect(other).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const socket = connect(hostPort, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await held.close();
  await closed;
  held = await holdPort({ protocol: 'tcp', hostPort }, () => target, createManualClock());
  expect(await say('one')).toBe('heard one');
});

describe('one of UDP', () => {
  let answering: DatagramSocket;
  let udp: HeldPort;
  const asking: DatagramSocket[] = [];
  const toUdp = () => ({ address: '127.0.0.1', port: answering.address().port });

  beforeEach(async () => {
    answering = createSocket('udp4');
    answering.on('message', (words, { port, address }) => answering.send(`heard ${words}`, port, address));
    answering.bind(0, '127.0.0.1');
    await once(answering, 'listening');
    target = toUdp();
    udp = await holdPort({ protocol: 'udp', hostPort }, () => target, createManualClock());
  });
  afterEach(async () => {
    for (const socket of asking.splice(0)) socket.close();
    answering.close();
    await udp.close();
  });

  function ask(words: string, host: string): Promise<string> {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    asking.push(socket);
    socket.send(words, hostPort, host);
    return once(socket, 'message').then(([answer]) => String(answer));
  }

  it('is passed on both ways, by each loopback, and each hears its own answer', async () => {
    const answers = ['127.0.0.1', '::1', '127.0.0.1', '::1'].map((host, i) => ask(`${i} by ${host}`, host));
    expect(await Promise.all(answers)).toEqual([
      ...['heard 0 by 127.0.0.1', 'heard 1 by ::1', 'heard 2 by 127.0.0.1', 'heard 3 by ::1'],
    ]);
    const large = 'x'.repeat(60_000);
    expect(await ask(large, '::1')).toBe(`heard ${large}`);
  });

  it('is nobody else’s until it is let go', async () => {
    const wanted = createSocket('udp4');
    const refused = once(wanted, 'listening');
    wanted.bind(hostPort, '127.0.0.1');
    await expect(refused).rejects.toMatchObject({ code: 'EADDRINUSE' });
    wanted.close();
    const again = () => holdPort({ protocol: 'udp', hostPort }, () => null, createManualClock());
    await expect(again()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await udp.close();
    udp = await again();
  });
});
