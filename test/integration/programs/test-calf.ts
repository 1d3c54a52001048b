// SPDX-License-Identifier: Apache-2.0
/**
 * A calf that does what it is told by lines of JSON on the store's stream, and answers with what came of it: whatever a
 * calf that was taken over would try. It imports nothing but Node's own, so that it is a script, too.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, watch, writeFileSync, writeSync } from 'node:fs';
import { open as openInspector } from 'node:inspector';
import { connect, createServer, Socket } from 'node:net';
import { constants, networkInterfaces, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';

type Given = DatagramSocket | { readonly constructor: { readonly name: string } } | undefined;
interface Heard {
  readonly message: { readonly id: string };
  readonly given: Given;
}

const heard: Heard[] = [];
const waiting: (() => void)[] = [];
process.on('message', (message: Heard['message'], given: Given) => {
  heard.push({ message, given });
  for (const wake of waiting.splice(0)) wake();
});
/** The message of this name that priv sent, and what came with it. */
async function hear(id: string): Promise<Heard> {
  for (;;) {
    const found = heard.find(({ message }) => message.id === id);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

const streamOf = (given: Given, onread?: object) =>
  new Socket({ handle: given, ...(onread !== undefined && { onread }) } as never);

const HASHING = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.postMessage(require('node:crypto').createHash('sha256').update(workerData).digest('hex'));`;

async function failsWith(emitter: import('node:events').EventEmitter, fine: string): Promise<string> {
  emitter.once('error', () => {});
  await Promise.race([once(emitter, fine), once(emitter, 'error').then(([error]) => Promise.reject(error))]);
  return fine;
}

/** What it can be told to do. Each returns what came of it, or throws. */
const DEEDS: Readonly<Record<string, (argument: string) => unknown>> = {
  // What is refused.
  connect: (port) => failsWith(connect(Number(port), '127.0.0.1'), 'connect'),
  'connect to a path': (path) => failsWith(connect(path), 'connect'),
  bind: () => failsWith(createServer().listen(0), 'listening'),
  'bind to a port': async () => {
    const socket = createSocket('udp4');
    const bound = failsWith(socket, 'listening');
    socket.bind(0);
    return await bound;
  },
  lookup: (name) => lookup(name),
  'read a file': (path) => readFileSync(path, 'utf8').length,
  'write a file': (path) => writeFileSync(path, 'x'),
  'change a file': (path) => writeFileSync(path, 'x', { flag: 'r+' }),
  'watch a folder': (path) => watch(path).close(),
  'open through a descriptor': () => openSync('/proc/self/fd/3', 'r'),
  execute: (path) => {
    const { error, status } = spawnSync(path, ['--version']);
    if (error !== undefined) throw error;
    return status;
  },
  'become another program': (path) => {
    (process as unknown as { execve(path: string, args: string[], env: object): void }).execve(
      path,
      [path],
      {},
    );
  },
  kill: (pid) => process.kill(Number(pid), 'SIGTERM'),
  'become a user': (uid) => process.setuid?.(Number(uid)),
  'take groups': () => process.setgroups?.([0]),
  'take priority': () => setPriority(-5),
  'load an addon': (path) => process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW),
  inspector: () => openInspector(0, '127.0.0.1'),
  'read a binding': () => (process as unknown as { binding(name: string): unknown }).binding('spawn_sync'),
  'evaluate text': (text) => new Function(`return ${text}`)(),
  'use much memory': () => {
    const taken: Buffer[] = [];
    for (let count = 0; count < 64; count += 1) taken.push(Buffer.alloc(64 * 1024 * 1024, 1));
    return taken.length;
  },
  'open many': () => {
    const opened: number[] = [];
    try {
      for (;;) opened.push(openSync('/', 'r'));
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  },
  // What it has.
  hash: async (text) => {
    const worker = new Worker(HASHING, { eval: true, workerData: text });
    const [hex] = (await once(worker, 'message')) as [string];
    return hex === createHash('sha256').update(text).digest('hex') ? hex : 'wrong';
  },
  'speak by a stream': async (id) => {
    const socket = streamOf((await hear(id)).given);
    socket.write('hello from the calf');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return bytes.toString();
  },
  'read into own memory': async (id) => {
    const { given } = await hear(id);
    const memory = Buffer.alloc(4);
    const pieces: string[] = [];
    const callback = (byteCount: number) => {
      pieces.push(memory.toString('latin1', 0, byteCount));
      return true;
    };
    const socket = streamOf(given, { buffer: memory, callback });
    await once(socket, 'end');
    socket.destroy();
    return pieces.join('|');
  },
  'set options': async (id) => {
    const socket = streamOf((await hear(id)).given);
    socket.setNoDelay(true).setKeepAlive(true, 30_000);
    const { remoteAddress } = socket;
    socket.resetAndDestroy();
    return remoteAddress;
  },
  'speak by datagrams': async (id) => {
    const socket = (await hear(id)).given as DatagramSocket;
    const [bytes, { port }] = (await once(socket, 'message')) as [Buffer, { port: number }];
    await new Promise((resolve) =>
      socket.send(`heard ${bytes.toString('latin1', 12)}`, port, '127.0.0.1', resolve),
    );
    socket.close();
    return bytes.length;
  },
  'join a group': async (id) => ((await hear(id)).given as DatagramSocket).addMembership('224.0.0.251'),
  'hear a message': async (id) => (await hear(id)).message,
  'answer by the channel': () =>
    new Promise((resolve, reject) => {
      process.send?.({ garbage: true }, (error: Error | null) =>
        error === null ? resolve(true) : reject(error),
      );
    }),
  'read a descriptor': (fd) => {
    const bytes = Buffer.alloc(64);
    return bytes.toString('utf8', 0, readSync(Number(fd), bytes, 0, 64, 0));
  },
  'write a descriptor': (fd) => writeSync(Number(fd), 'written by the calf'),
  interfaces: () => networkInterfaces(),
  environment: () => process.env,
  arguments: () => process.argv.slice(2),
  'say so': (text) => console.log(text),
  'say much': () => {
    for (let count = 0; count < 10_000; count += 1) console.error(`line ${count}`);
  },
  exit: (code) => process.exit(Number(code)),
  'hold on': () => store.off('end', leave),
};

const STORE_DESCRIPTOR = 3;
const store = new Socket({
  fd: STORE_DESCRIPTOR,
  readable: true,
  writable: true,
  allowHalfOpen: true,
} as never);
const leave = () => process.exit(0);
store.on('error', () => {});
store.on('end', leave);

async function obey(line: string): Promise<void> {
  const { deed, argument = '' } = JSON.parse(line) as { deed: string; argument?: string };
  try {
    const result = await DEEDS[deed]?.(argument);
    store.write(`${JSON.stringify({ deed, result: result ?? null })}\n`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    store.write(`${JSON.stringify({ deed, refused: code ?? message })}\n`);
  }
}

let rest = '';
store.on('data', (bytes) => {
  const lines = `${rest}${bytes}`.split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) void obey(line);
});
// It goes on whatever happens, as a program that was taken over would.
process.on('uncaughtException', (error) =>
  store.write(`${JSON.stringify({ deed: 'uncaught', refused: error.message })}\n`),
);
store.write(`${JSON.stringify({ deed: 'start', result: process.pid })}\n`);
