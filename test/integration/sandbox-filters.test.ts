// SPDX-License-Identifier: Apache-2.0
/** The filters of the sandbox against the kernel: what it shows them of a packet, and what comes of that. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { mdnsFilter } from '@local-datastore/shared/confinement/filters/mdns-filter';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import { attachLockedFilter, readDrops } from '@local-datastore/shared/confinement/system/sockets';
import { afterEach, describe, expect, it } from 'vitest';

import { mustRunProgram, WORKSPACE } from '../lab/run-program.ts';

const HEADER = Buffer.alloc(12);
const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

async function bind(type: 'udp4' | 'udp6', address: string, port = 0): Promise<Socket> {
  const socket = createSocket({ type, reuseAddr: true });
  opened.push(socket);
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

const fdOf = (socket: Socket) => descriptorOf(socket) ?? -1;

describe.each([
  ['udp4', '127.0.0.1'],
  // RFC 4291: loopback, which machines without IPv6 lack.
  ['udp6', '::1'],
] as const)('%s', (type, address) => {
  it('lets in what comes from port 5353 or to it, and counts the rest', async ({ skip }) => {
    const other = await bind(type, address).catch(() => skip('there is no IPv6'));
    const socket = await bind(type, address);
    attachLockedFilter(fdOf(socket), encodeProgram(mdnsFilter()));
    const heard: string[] = [];
    socket.on('message', (bytes) => heard.push(bytes.toString('latin1', HEADER.length)));
    const responder = await bind(type, address, 5353);
    const send = (from: Socket, bytes: Buffer, to = socket.address().port) =>
      new Promise<void>((resolve, reject) => {
        from.send(bytes, to, address, (error) => (error ? reject(error) : resolve()));
      });
    const text = (words: string) => Buffer.concat([HEADER, Buffer.from(words)]);
    await send(other, text('from another port'));
    await send(responder, Buffer.alloc(11));
    await send(responder, text('an answer'));
    await send(other, text('and again'));
    await send(responder, text('the last'));
    await expect.poll(() => heard).toEqual(['an answer', 'the last']);
    expect(readDrops(fdOf(socket))).toBe(3);

    const atPort: string[] = [];
    attachLockedFilter(fdOf(responder), encodeProgram(mdnsFilter()));
    responder.on('message', (bytes) => atPort.push(bytes.toString('latin1', HEADER.length)));
    await send(other, text('a question'), 5353);
    await expect.poll(() => atPort).toEqual(['a question']);
    expect(readDrops(fdOf(responder))).toBe(0);
  });
});

// io_uring, which passes by filters, is refused, and Node does without: go-microvm #76, libuv #4638.
it('refuses what a calf is not to call, past all that Node refuses, and nobody is killed', async () => {
  const program = join(WORKSPACE, 'test/integration/programs/filtered-process.ts');
  const told = JSON.parse(await mustRunProgram([process.execPath, program])) as Record<string, string>;
  const { getpid, 'the name of a thread': name, ...others } = told;
  // Taken up by the kernel, which finds no text at address 0.
  expect([getpid, name]).toEqual(['done', 'EFAULT']);
  const absent = ['io_uring_setup', 'clone3', 'pidfd_open', 'a call of the future'];
  for (const [call, verdict] of Object.entries(others)) {
    expect(verdict, call).toBe(absent.includes(call) ? 'ENOSYS' : 'EPERM');
  }
  expect(Object.keys(others).length).toBeGreaterThan(35);
});
