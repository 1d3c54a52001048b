// SPDX-License-Identifier: Apache-2.0
/** A calf under all layers: what the kernel says of it, what it is refused, and what it can do with what it is given. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, mkdtemp, open, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { mdnsFilter } from '@local-datastore/shared/confinement/filters/mdns-filter';
import {
  CALF_USERS,
  type CalfCode,
  FIRST_GIVEN_DESCRIPTOR,
} from '@local-datastore/shared/confinement/launcher/calf';
import { findMissing } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import {
  attachLockedFilter,
  duplicate,
  readDrops,
  socketPair,
} from '@local-datastore/shared/confinement/system/sockets';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeWith } from '../requirements.ts';
import { type BundledCalf, bundleTestCalf } from './bundled-calf.ts';
import { SOURCE_CODE, startTestCalf, TEST_LIMITS, type TestCalf } from './test-calf.ts';

let bundled: BundledCalf;
beforeAll(async () => {
  bundled = await bundleTestCalf();
});
afterAll(() => bundled.remove());

const CODES: readonly [string, () => CalfCode][] = [
  ['a script', () => bundled.code],
  ['a module of the source tree', () => SOURCE_CODE],
];

describeWith(['root'], 'a calf of root', () => {
  let calf: TestCalf;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    await chmod(folder, 0o755);
  });
  afterEach(async () => {
    calf?.kill();
    await calf?.ended;
    await rm(folder, { recursive: true });
  });

  describe.each(CODES)('that is %s', (_, code) => {
    it('has all layers, and no descriptor but its own', async () => {
      calf = await startTestCalf(code());
      const layers = calf.layers();
      expect(layers).toMatchObject({
        ...{ uid: CALF_USERS.test, gid: CALF_USERS.test, groups: [] },
        ...{
          capEff: 0n,
          capPrm: 0n,
          capBnd: 0n,
          capAmb: 0n,
          noNewPrivs: true,
          seccomp: 2,
          seccompFilters: 1,
        },
        ownNamespaces: { net: true, mnt: true, ipc: true, uts: true, user: false },
      });
      if (layers === null) throw new Error('it has ended');
      expect(findMissing(layers, planHere(), process.geteuid?.() ?? 0)).toEqual([]);

      const proc = `/proc/${calf.pid}`;
      const opened = await Promise.all(
        (await readdir(`${proc}/fd`)).map(
          async (fd) => [Number(fd), await readlink(`${proc}/fd/${fd}`)] as const,
        ),
      );
      const given = new Map(opened);
      expect(given.get(0)).toBe('/dev/null');
      for (const fd of [1, 2]) expect(given.get(fd)).toMatch(/^(?:pipe|socket):/);
      for (const fd of [3, 4]) expect(given.get(fd)).toMatch(/^socket:/);
      // What Node opens for itself, and the empty root.
      const others = opened.filter(([fd]) => fd > 4).map(([, target]) => target);
      const own = /^(?:anon_inode:\[(?:eventfd|eventpoll)\]|pipe:\[\d+\]|\/|\/dev\/null)$/;
      expect(others.filter((target) => !own.test(target))).toEqual([]);

      const root = await readdir(`${proc}/root`);
      expect(
        root.filter((name) => ['etc', 'proc', 'sys', 'var', 'home', 'root', 'dev'].includes(name)),
      ).toEqual([]);
      const mounts = (await readFile(`${proc}/mountinfo`, 'utf8')).trim().split('\n');
      for (const mount of mounts) expect(mount.split(' ')[5]).toMatch(/^ro,/);
      const limits = await readFile(`${proc}/limits`, 'utf8');
      expect(limits).toMatch(/^Max core file size +0 +0 /m);
      expect(limits).toMatch(/^Max file size +0 +0 /m);
      expect(limits).toMatch(/^Max open files +128 +128 /m);
      expect(await readFile(`${proc}/oom_score_adj`, 'utf8')).toBe('700\n');
      expect((await calf.tell('environment')).result).toEqual({
        PATH: '/nonexistent',
        OPENSSL_CONF: '/nonexistent',
        LD_LIBRARY_PATH: expect.any(String),
      });
      const interfaces = (await readFile(`${proc}/net/dev`, 'utf8')).matchAll(/^ *([^ :|]+):/gm);
      expect([...interfaces].map(([, name]) => name)).toEqual(['lo']);
    });

    it('is refused whatever else it tries, and lives on', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const path = join(folder, 'socket');
      const local = createServer().listen(path);
      const secret = join(folder, 'secret');
      await writeFile(secret, 'secret', { mode: 0o644 });
      calf = await startTestCalf(code());
      const port = String((server.address() as AddressInfo).port);
      const addon =
        spawnSync('find', ['/usr/lib', '-name', 'libm.so.6']).stdout.toString().split('\n')[0] ?? '';
      for (const [deed, argument, refused] of [
        ['connect', port, /^EPERM$/],
        ['connect to a path', path, /^(?:EPERM|ENOENT|ERR_ACCESS_DENIED)$/],
        ['bind', '', /^EPERM$/],
        ['bind to a port', '', /^EPERM$/],
        ['interfaces', '', /^ERR_SYSTEM_ERROR$/],
        ['lookup', 'localhost', /^(?:EAI_\w+|ENOTFOUND|EPERM)$/],
        ['read a file', secret, /^ERR_ACCESS_DENIED$/],
        ['read a file', '/etc/passwd', /^ERR_ACCESS_DENIED$/],
        ['write a file', secret, /^ERR_ACCESS_DENIED$/],
        ['watch a folder', '/', /^ERR_ACCESS_DENIED$/],
        ['open through a descriptor', '', /^ERR_ACCESS_DENIED$/],
        ['execute', process.execPath, /^ERR_ACCESS_DENIED$/],
        ['become another program', process.execPath, /^ERR_ACCESS_DENIED$/],
        ['kill', String(process.pid), /^EPERM$/],
        ['kill', '1', /^EPERM$/],
        ['become a user', '0', /^EPERM$/],
        ['take groups', '', /^EPERM$/],
        ['take priority', '', /^ERR_SYSTEM_ERROR|EPERM|EACCES$/],
        ['load an addon', addon, /^ERR_DLOPEN_DISABLED$/],
        ['inspector', '', /^ERR_ACCESS_DENIED$/],
        ['read a binding', '', /^ERR_ACCESS_DENIED$/],
        ['answer by the channel', '', /^EPIPE$/],
        ['open many', '', /^(?:EMFILE|ERR_ACCESS_DENIED)$/],
      ] as const) {
        expect(await calf.tell(deed, argument), deed).toEqual({
          deed,
          refused: expect.stringMatching(refused),
        });
      }
      expect((await calf.tell('hash', 'still here')).result).toMatch(/^[0-9a-f]{64}$/);
      expect(calf.layers()?.uid).toBe(CALF_USERS.test);
      expect(await readFile(secret, 'utf8')).toBe('secret');
      server.close();
      local.close();
    });
  });

  it('evaluates no text as code', async () => {
    calf = await startTestCalf(bundled.code);
    expect(await calf.tell('evaluate text', '1 + 1')).toEqual({
      deed: 'evaluate text',
      refused: expect.stringMatching('Code generation from strings disallowed'),
    });
  });

  it('is given arguments, and its pid is the one that priv knows', async () => {
    calf = await startTestCalf(bundled.code, { args: ['--inspect', '--', 'ä'] });
    expect((await calf.tell('arguments')).result).toEqual(['--inspect', '--', 'ä']);
  });

  it('speaks by a connection that priv opened', async () => {
    const server = createServer((socket) => socket.on('data', (bytes) => socket.end(`you said: ${bytes}`)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    calf = await startTestCalf(bundled.code);
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    await once(socket, 'connect');
    calf.send({ id: 'flow' }, { fd: descriptorOf(socket) ?? -1, kind: 'stream' });
    socket.destroy();
    expect((await calf.tell('speak by a stream', 'flow')).result).toBe('you said: hello from the calf');
    server.close();
  });

  it('reads a connection into memory of its own, sets options of it, and ends it', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('abcdefghij'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    calf = await startTestCalf(bundled.code);
    for (const id of ['one', 'two']) {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
      await once(socket, 'connect');
      calf.send({ id }, { fd: descriptorOf(socket) ?? -1, kind: 'stream' });
      socket.destroy();
    }
    expect((await calf.tell('read into own memory', 'one')).result).toBe('abcd|efgh|ij');
    expect((await calf.tell('set options', 'two')).result).toBe('127.0.0.1');
    server.close();
  });

  it('hears datagrams that the filter lets in, and answers', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    // Node reads a socket that is bound: it is the calf's alone when Node's is closed. What is dropped can be counted yet.
    const fd = duplicate(descriptorOf(socket) ?? -1);
    socket.close();
    attachLockedFilter(fd, encodeProgram(mdnsFilter()));
    calf = await startTestCalf(bundled.code);
    calf.send({ id: 'mdns' }, { fd, kind: 'udp4' });
    expect((await calf.tell('join a group', 'mdns')).refused).toBe('EPERM');
    const stranger = createSocket('udp4');
    const responder = createSocket({ type: 'udp4', reuseAddr: true });
    responder.bind(5353, '127.0.0.1');
    await once(responder, 'listening');
    const answered = once(responder, 'message');
    const told = calf.tell('speak by datagrams', 'mdns');
    await new Promise((resolve) => stranger.send(Buffer.alloc(40), port, '127.0.0.1', resolve));
    await expect.poll(() => readDrops(fd)).toBe(1);
    await new Promise((resolve) =>
      responder.send(Buffer.from('0123456789abanswer'), port, '127.0.0.1', resolve),
    );
    expect((await told).result).toBe(18);
    expect(String((await answered)[0])).toBe('heard answer');
    closeSync(fd);
    for (const each of [stranger, responder]) each.close();
  });

  it('reads a pipe that it was handed, and a socket pair', async () => {
    calf = await startTestCalf(bundled.code);
    const fifo = join(folder, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const pipe = openSync(fifo, 'r+');
    calf.send({ id: 'pipe' }, { fd: pipe, kind: 'stream' });
    const writer = await open(fifo, 'w');
    await writer.write('abcdefgh');
    closeSync(pipe);
    await writer.close();
    const [mine, theirs] = socketPair();
    calf.send({ id: 'pair' }, { fd: theirs, kind: 'stream' });
    closeSync(theirs);
    closeSync(mine);
    expect((await calf.tell('read into own memory', 'pair')).result).toBe('');
    // It is open to be written, too, by the calf: its end never comes.
    calf.send({ id: 'text' });
    expect((await calf.tell('hear a message', 'text')).result).toEqual({ id: 'text' });
  });

  // Past Node's permission model, which does not know of descriptors: nodejs #53125.
  it('has files from its start, and may change no other', async () => {
    const source = join(folder, 'source');
    const target = join(folder, 'target');
    await writeFile(source, 'from priv', { mode: 0o600 });
    const [read, written] = [openSync(source, 'r'), openSync(target, 'w', 0o600)];
    calf = await startTestCalf(bundled.code, {
      descriptors: [read, written],
      limits: { ...TEST_LIMITS, fileBytes: 10 },
    });
    closeSync(read);
    closeSync(written);
    const [first, second] = [String(FIRST_GIVEN_DESCRIPTOR), String(FIRST_GIVEN_DESCRIPTOR + 1)];
    expect((await calf.tell('read a descriptor', first)).result).toBe('from priv');
    expect((await calf.tell('write a descriptor', first)).refused).toBe('EBADF');
    // As much as its limit.
    expect((await calf.tell('write a descriptor', second)).result).toBe(10);
    expect((await calf.tell('write a descriptor', second)).refused).toBe('EFBIG');
    expect(await readFile(target, 'utf8')).toBe('written by');
  });

  it('sees a folder that it is shown, to read or to write', async () => {
    const shown = join(folder, 'shown');
    const mine = join(folder, 'mine');
    for (const path of [shown, mine]) spawnSync('install', ['-d', '-o', String(CALF_USERS.test), path]);
    await writeFile(join(shown, 'file'), 'shown');
    await writeFile(join(mine, 'own'), '');
    await chown(join(mine, 'own'), CALF_USERS.test, CALF_USERS.test);
    calf = await startTestCalf(bundled.code, {
      visible: [
        { path: shown, isWritable: false },
        { path: mine, isWritable: true },
      ],
      limits: { ...TEST_LIMITS, fileBytes: 100 },
    });
    expect((await calf.tell('read a file', join(shown, 'file'))).result).toBe(5);
    expect((await calf.tell('write a file', join(shown, 'other'))).refused).toBe('ERR_ACCESS_DENIED');
    expect((await calf.tell('change a file', join(mine, 'own'))).result).toBeNull();
    expect((await calf.tell('write a file', join(mine, 'new'))).refused).toBe('EPERM');
    expect((await calf.tell('read a file', join(folder, 'fifo'))).refused).toBe('ERR_ACCESS_DENIED');
    expect(await readFile(join(mine, 'own'), 'utf8')).toBe('x');
  });

  it('is not sent what its Node would end at, nor a message that is too long', async () => {
    calf = await startTestCalf(bundled.code);
    const file = openSync('/dev/null', 'r');
    expect(() => calf.send({ id: 'file' }, { fd: file, kind: 'stream' })).toThrow(
      'neither a socket nor a pipe',
    );
    closeSync(file);
    expect(() => calf.send({ id: 'x'.repeat(8192) })).toThrow(RangeError);
    const longest = 'x'.repeat(8000);
    calf.send({ id: longest });
    expect((await calf.tell('hear a message', longest)).result).toEqual({ id: longest });
  });

  it('that does not read its channel holds nobody up', async () => {
    calf = await startTestCalf(bundled.code);
    process.kill(calf.pid, 'SIGSTOP');
    expect(() => {
      for (;;) calf.send({ id: 'more', filling: 'x'.repeat(4096) });
    }).toThrow('EAGAIN');
    process.kill(calf.pid, 'SIGCONT');
    await expect
      .poll(() => {
        try {
          calf.send({ id: 'last' });
          return 'sent';
        } catch (error) {
          return String(error);
        }
      })
      .toBe('sent');
    expect((await calf.tell('hear a message', 'last')).result).toEqual({ id: 'last' });
  });

  it('is heard, within bounds', async () => {
    calf = await startTestCalf(bundled.code);
    await calf.tell('say so', 'hello\u001b[2J');
    await expect.poll(() => calf.output).toContain('hello\u001b[2J');
    await calf.tell('say much');
    await expect.poll(() => calf.output.some((line) => /^\d+ lines were left out$/.test(line))).toBe(true);
    expect(calf.output.length).toBeLessThan(200);
  });

  it('is not given more memory than its own', async () => {
    calf = await startTestCalf(bundled.code, { limits: { ...TEST_LIMITS, workers: 0 } });
    expect((await calf.tell('use much memory')).refused).toBe('ERR_MEMORY_ALLOCATION_FAILED');
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${calf.pid}/status`, 'utf8'))?.[1];
    expect(Number(peak) * 1024).toBeLessThan(TEST_LIMITS.memoryBytes + 64 * 1024 * 1024);
    expect((await calf.tell('hash', 'without a thread')).refused).toMatch(/./);
  });

  it('that ends tells how', async () => {
    calf = await startTestCalf(bundled.code);
    await expect(calf.tell('exit', '3')).rejects.toThrow('3');
    expect(await calf.ended).toEqual({ code: 3, signal: null, refusal: null });
    expect(calf.layers()).toBeNull();
    expect(() => calf.send({ id: 'late' })).toThrow('EPIPE');
    calf.kill();
  });

  it('that is killed tells so', async () => {
    calf = await startTestCalf(bundled.code);
    calf.kill();
    expect(await calf.ended).toEqual({ code: null, signal: 'SIGKILL', refusal: null });
  });

  it('leaves nothing open here when it has ended, nor when it cannot be started', async () => {
    const openHere = async () => (await readdir('/proc/self/fd')).length;
    calf = await startTestCalf(bundled.code);
    calf.kill();
    await calf.ended;
    const before = await openHere();
    for (let count = 0; count < 4; count += 1) {
      calf = await startTestCalf(bundled.code);
      calf.kill();
      await calf.ended;
      await expect(startTestCalf(bundled.code, { descriptors: [1_000_000] })).rejects.toThrow();
    }
    await expect.poll(openHere).toBeLessThanOrEqual(before);
  });

  it('that cannot be started says why', async () => {
    const broken = join(folder, 'broken.js');
    await writeFile(broken, 'this is no program');
    await expect(startTestCalf({ kind: 'script', file: broken })).rejects.toThrow('SyntaxError');
    await expect(startTestCalf({ kind: 'script', file: join(folder, 'none') })).rejects.toThrow('ENOENT');
    await expect(
      startTestCalf(bundled.code, { visible: [{ path: join(folder, 'none'), isWritable: false }] }),
    ).rejects.toThrow('ENOENT');
    for (const spec of [{ name: 'No' }, { limits: { ...TEST_LIMITS, openFiles: 1 } }, { args: ['\0'] }]) {
      await expect(startTestCalf(bundled.code, spec)).rejects.toThrow(RangeError);
    }
    calf = await startTestCalf(bundled.code);
  });
});
