// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readSync, writeSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemErrorCode } from '../../errors.ts';
import { descriptorOf } from './descriptor-of.ts';
import { koffiPlaces } from './load-koffi.ts';
import { openPipe } from './pipe.ts';
import { attachLockedFilter, readDrops, refuseReading, sendWithDescriptor, socketPair } from './sockets.ts';
import { errnoName, SystemError } from './system-error.ts';

const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});
const pair = () => {
  const both = socketPair();
  open.push(...both);
  return both;
};
const codeOf = (action: () => unknown) => {
  try {
    action();
    return 'nothing';
  } catch (error) {
    expect(error).toBeInstanceOf(SystemError);
    return systemErrorCode(error);
  }
};

describe('errors', () => {
  it.each([
    [1, 'EPERM'],
    [13, 'EACCES'],
    [38, 'ENOSYS'],
    [110, 'ETIMEDOUT'],
    [4000, 'E4000'],
    [0, 'E0'],
  ])('%d is %s', (errno, name) => {
    expect(errnoName(errno)).toBe(name);
    expect(new SystemError('mount', errno)).toMatchObject({ code: name, message: `mount: ${name}` });
  });
});

describe('koffi', () => {
  it.each([
    ['file:///opt/eve-agent/main.js', false, ['/opt/eve-agent/koffi-arm64.node']],
    ['file:///usr/bin/eve-agent', true, ['/usr/bin/koffi-arm64.node', '/usr/lib/eve-agent/koffi-arm64.node']],
  ])('of %s', (url, isExecutable, places) => {
    expect(koffiPlaces(url, isExecutable, 'arm64')).toEqual(places);
  });

  it('from source is that of its package', () => {
    const [place] = koffiPlaces(import.meta.url, false, process.arch);
    expect(place).toMatch(/\/node_modules\/@koromix\/koffi-linux-\w+\/linux_\w+\/koffi\.node$/);
  });
});

describe('a pair of sockets', () => {
  it('carries bytes and a descriptor, which is there even if it is closed here', () => {
    const [mine, theirs] = pair();
    const [sent, otherEnd] = socketPair();
    open.push(otherEnd);
    expect(sendWithDescriptor(mine, Buffer.from('take this'), sent)).toBe(9);
    closeSync(sent);
    // It is on its way: were it gone, writing would be refused.
    expect(writeSync(otherEnd, 'x')).toBe(1);
    const bytes = Buffer.alloc(16);
    expect(readSync(theirs, bytes)).toBe(9);
    expect(bytes.toString('latin1', 0, 9)).toBe('take this');
    // Read without room for it, it is closed by the kernel.
    expect(() => writeSync(otherEnd, 'x')).toThrow('EPIPE');
  });

  it('is refused a descriptor that there is not, and one where nobody is', () => {
    const [mine, theirs] = socketPair();
    open.push(mine);
    expect(codeOf(() => sendWithDescriptor(mine, Buffer.from('x'), 1_000_000))).toBe('EBADF');
    closeSync(theirs);
    expect(codeOf(() => sendWithDescriptor(mine, Buffer.from('x')))).toBe('EPIPE');
  });

  it('does not wait for one who does not read', () => {
    const [mine] = pair();
    const bytes = Buffer.alloc(8192);
    let sentBytes = 0;
    const code = codeOf(() => {
      for (;;) sentBytes += sendWithDescriptor(mine, bytes);
    });
    expect(code).toBe('EAGAIN');
    // Whole or not at all.
    expect(sentBytes % bytes.length).toBe(0);
  });

  it('refuses what comes back, once that is said', () => {
    const [mine, theirs] = pair();
    refuseReading(mine);
    expect(() => writeSync(theirs, 'x')).toThrow('EPIPE');
    expect(sendWithDescriptor(mine, Buffer.from('x'))).toBe(1);
  });
});

describe('a pipe', () => {
  it('carries bytes from its second end to its first', () => {
    const [from, to] = openPipe();
    try {
      writeSync(to, 'bytes');
      const memory = Buffer.alloc(10);
      expect(memory.toString('latin1', 0, readSync(from, memory))).toBe('bytes');
      // Neither end keeps anybody waiting.
      expect(() => readSync(from, memory)).toThrow('EAGAIN');
      const more = Buffer.alloc(2 * 1024 * 1024);
      expect(writeSync(to, more)).toBeLessThan(more.length);
      expect(() => writeSync(to, more)).toThrow('EAGAIN');
    } finally {
      closeSync(from);
      closeSync(to);
    }
  });
});

describe('the descriptor of a socket', () => {
  it('is told of those that are open', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    expect(descriptorOf(socket)).toBeGreaterThan(2);
    socket.destroy();
    expect(descriptorOf(socket)).toBeNull();
    server.close();

    const datagrams = createSocket('udp4');
    datagrams.bind(0, '127.0.0.1');
    await once(datagrams, 'listening');
    expect(descriptorOf(datagrams)).toBeGreaterThan(2);
    datagrams.close();
    expect(descriptorOf(datagrams)).toBeNull();
  });
});

describe('a filter', () => {
  /** One that lets nothing in. */
  const NOTHING = Buffer.from('0600000000000000', 'hex');

  it('that the kernel does not take is an error, and there is none then', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const fd = descriptorOf(socket) ?? -1;
    // A load without a return.
    expect(codeOf(() => attachLockedFilter(fd, Buffer.from('3000000000000000', 'hex')))).toBe('EINVAL');
    expect(codeOf(() => attachLockedFilter(fd, Buffer.alloc(0)))).toBe('EINVAL');
    expect(readDrops(fd)).toBe(0);
    attachLockedFilter(fd, NOTHING);
    expect(codeOf(() => attachLockedFilter(fd, NOTHING))).toBe('EPERM');
    socket.close();
    expect(codeOf(() => attachLockedFilter(1_000_000, NOTHING))).toBe('EBADF');
    expect(codeOf(() => readDrops(1_000_000))).toBe('EBADF');
  });
});
