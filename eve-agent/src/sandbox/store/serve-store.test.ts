// SPDX-License-Identifier: Apache-2.0
import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { describe, expect, it, vi } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { createFrameReader, frameOf } from './frame-reader.ts';
import { keyPathText, parseKeyPath } from './key-path.ts';
import { createKeyStore } from './key-store.ts';
import { type StoreLimits, serveStore } from './serve-store.ts';
import { decodeResponse, encodeRequest, type Request, type Response } from './wire.ts';

const RIGHTS = [
  { pattern: '/b/**', mayRead: true, mayWrite: false },
  { pattern: '/own/**', mayRead: true, mayWrite: true },
];
const path = parseKeyPath;
const bytes = (text: string) => Buffer.from(text);

/** As one reads an answer: `7 ok`, `7 DENIED`, `7 /b/x=1`. */
function textOf(response: Response): string {
  if (response.kind !== 'event') {
    const value = Buffer.from(response.value).toString();
    return `${response.id} ${response.kind === 'error' ? value : `ok${value}`}`;
  }
  const { event } = response;
  const value =
    event.kind === 'deleted' ? 'deleted' : `${event.kind} ${Buffer.from(event.value).toString().slice(0, 8)}`;
  return `${response.id} ${event.seq} ${keyPathText(event.path)} ${value}`;
}

/** A calf that speaks as it likes, and reads when it is told to. */
function create(limits: Partial<StoreLimits> = {}) {
  const audited: AuditEntry[] = [];
  const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
  const store = createKeyStore({ audit, log: silentLog });
  const clock = createManualClock();
  const [privSide, calf] = duplexPair();
  const server = serveStore({ store, audit, clock }, { actor: 'net', rights: RIGHTS, limits }, privSide);
  const reader = createFrameReader();
  const answers: string[] = [];
  const read = () =>
    calf.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== null; next = reader.next())
        answers.push(textOf(decodeResponse(next)));
    });
  const ask = (...requests: readonly Request[]) =>
    calf.write(Buffer.concat(requests.map((request) => frameOf(encodeRequest(request)))));
  const refusals = () =>
    audited
      .filter(({ verdict }) => verdict !== 'ok')
      .map(({ op, path: at, verdict }) => `${op} ${at} ${verdict}`);
  /** Lets streams do what they can do without the calf. */
  const settle = async () => {
    for (let i = 0; i < 20; i += 1) await turn();
  };
  return { store, clock, privSide, calf, server, answers, read, ask, refusals, settle };
}

const write = (id: number, name: string, value = ''): Request => ({
  id,
  path: path(name),
  op: 'write',
  value: bytes(value),
});
const simple = (id: number, op: 'read' | 'delete' | 'watch', name: string): Request => ({
  id,
  path: name.slice(1).split('/'),
  op,
});

describe('a calf that asks for what it may not have', () => {
  it('gets a code, and goes on', async () => {
    const { ask, read, answers, refusals, server } = create();
    read();
    ask(
      simple(1, 'read', '/secret'),
      simple(2, 'read', '/own/../secret'),
      simple(3, 'read', '/own/*'),
      { id: 4, path: [], op: 'read' },
      { id: 5, path: ['own', ''], op: 'write', value: bytes('x') },
      { id: 6, path: ['own', 'a\u001b[2J'], op: 'delete' },
      simple(7, 'watch', '/**/a'),
      { id: 8, path: [], op: 'unwatch' },
      { id: 9, path: ['own', 'x'], op: 'write', value: Buffer.alloc(60_000) },
      write(-1, '/own/x', 'v'),
      simple(0, 'read', '/own/x'),
    );
    await expect.poll(() => answers).toHaveLength(11);
    expect(answers).toEqual([
      ...[
        '1 DENIED',
        '2 MALFORMED',
        '3 MALFORMED',
        '4 MALFORMED',
        '5 MALFORMED',
        '6 MALFORMED',
        '7 MALFORMED',
      ],
      ...['8 NOT_FOUND', '9 TOO_LARGE', '-1 ok', '0 okv'],
    ]);
    expect(refusals()).toHaveLength(8);
    server.close('done');
    expect(await server.closed).toBe('done');
  });

  it('has no two watches of one number', async () => {
    const { ask, read, answers, refusals } = create();
    read();
    ask(simple(1, 'watch', '/b/*'), simple(1, 'watch', '/own/*'), { id: 1, path: [], op: 'unwatch' });
    ask({ id: 1, path: [], op: 'unwatch' }, simple(1, 'watch', '/own/*'));
    await expect.poll(() => answers).toEqual(['1 ok', '1 BUSY', '1 ok', '1 NOT_FOUND', '1 ok']);
    expect(refusals()).toEqual(['watch /own/* BUSY']);
  });
});

describe('a calf that speaks what is no message', () => {
  it.each<[string, Buffer, string]>([
    ['a length of nothing', Buffer.alloc(4), 'a message that claims 0 bytes'],
    ['a length of too much', Buffer.from([1, 0, 1, 0]), 'a message that claims 65537 bytes'],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'a message that claims 542393671 bytes'],
    ['less than a message', frameOf(Buffer.alloc(8)) as Buffer, 'cut short'],
    ['very many segments', frameOf(Buffer.alloc(16, 255)) as Buffer, '4294967296 segments'],
    ['an unknown request', frameOf(unknownRequest()) as Buffer, 'a request of the unknown kind 77'],
  ])('%s is given up, after what it said before', async (_, garbage, why) => {
    const { calf, ask, read, answers, refusals, server, store } = create();
    read();
    const seen = vi.fn();
    store.watch('/**', seen);
    ask(write(1, '/own/x'), simple(2, 'watch', '/own/*'));
    calf.write(garbage);
    ask(write(3, '/own/after'));
    expect(await server.closed).toContain(why);
    expect(refusals()).toEqual(['end  MALFORMED']);
    expect(store.read(path('/own/after'))).toBeUndefined();
    expect(seen).toHaveBeenCalledTimes(1);
    expect(answers).toEqual(expect.not.arrayContaining(['3 ok']));
  });

  function unknownRequest(): Uint8Array {
    const message = Buffer.from(encodeRequest(simple(1, 'read', '/own/x')));
    message.writeUInt16LE(77, 20);
    return message;
  }

  it('and ends in the middle of one is told from one that ends', async () => {
    const cut = create();
    cut.calf.end(frameOf(encodeRequest(write(1, '/own/x'))).subarray(0, 10));
    cut.read();
    expect(await cut.server.closed).toBe('it ended within a message');
    const ended = create();
    ended.read();
    ended.ask(write(1, '/own/x'));
    ended.calf.end();
    expect(await ended.server.closed).toBe('it closed its connection');
    expect(ended.store.read(path('/own/x'))).toBeDefined();
  });

  it('whose stream fails is over', async () => {
    const { privSide, server } = create();
    privSide.destroy(new Error('reset'));
    expect(await server.closed).toBe('its connection failed: reset');
  });
});

describe('a calf that asks too fast', () => {
  it('is answered at its pace, and nothing is refused or lost', async () => {
    const { clock, ask, read, answers, settle, refusals } = create({ messagesPerSecond: 100 });
    read();
    ask(...Array.from({ length: 350 }, (_, i) => write(i, '/own/x', String(i))));
    await expect.poll(() => answers).toHaveLength(100);
    await settle();
    expect(answers).toHaveLength(100);
    clock.advance(1000);
    await expect.poll(() => answers).toHaveLength(200);
    clock.advance(10);
    await expect.poll(() => answers).toHaveLength(201);
    clock.advance(5000);
    await expect.poll(() => answers).toHaveLength(350);
    expect(answers.at(-1)).toBe('349 ok');
    expect(refusals()).toEqual([]);
  });

  it('waits longer after a watch of very many keys', async () => {
    const { store, clock, ask, read, answers, settle } = create({ messagesPerSecond: 100 });
    read();
    for (let i = 0; i < 2000; i += 1) store.write('priv', path(`/b/${i}`), bytes(''));
    ask(simple(1, 'watch', '/b/*'), simple(2, 'read', '/b/0'));
    await expect.poll(() => answers.at(-1)).toBe('1 ok');
    await settle();
    // 2000 / 64 + 2000 / 16 = 156, and the two messages: of which a second gives 100.
    clock.advance(570);
    await settle();
    expect(answers.at(-1)).toBe('1 ok');
    clock.advance(20);
    await expect.poll(() => answers.at(-1)).toBe('2 ok');
  });

  it('cannot fill priv: what it sends stays on its own side', async () => {
    const { calf, settle, clock, server } = create({ messagesPerSecond: 10 });
    const frame = frameOf(encodeRequest(write(1, '/own/x', 'x'.repeat(4000))));
    for (let i = 0; i < 1000; i += 1) calf.write(frame);
    await settle();
    clock.advance(1000);
    await settle();
    // All but some that were read, and what the streams hold.
    expect(calf.writableLength).toBeGreaterThan(3_000_000);
    server.close('done');
  });

  it('and ends is heard to its end', async () => {
    const { clock, ask, calf, read, store, server, settle } = create({ messagesPerSecond: 10 });
    read();
    ask(...Array.from({ length: 20 }, (_, i) => write(i, `/own/${i}`)));
    calf.end();
    await settle();
    expect(store.list('/own/*')).toHaveLength(10);
    clock.advance(1000);
    expect(await server.closed).toBe('it closed its connection');
    expect(store.list('/own/*')).toHaveLength(20);
  });
});

describe('a calf that does not read', () => {
  it('is asked no more, and sees the last value of each key when it reads again', async () => {
    const { store, ask, read, answers, settle, privSide } = create();
    ask(simple(1, 'watch', '/b/*'));
    await settle();
    for (let i = 0; i < 2000; i += 1) {
      for (const name of ['/b/x', '/b/y']) store.write('priv', path(name), bytes(`${i} `.padEnd(1000, '.')));
    }
    store.delete('priv', path('/b/y'));
    // Beyond the mark of the stream, only names wait.
    expect(privSide.writableLength).toBeLessThan(70_000);
    ask(write(2, '/own/x'));
    await settle();
    expect(store.read(path('/own/x'))).toBeUndefined();
    read();
    await expect.poll(() => answers.at(-1)).toBe('2 ok');
    const events = answers.slice(1, -1);
    const last = (name: string) => events.findLast((each) => each.includes(name));
    expect(last('/b/x')).toMatch(/value 1999/);
    expect(last('/b/y')).toMatch(/deleted$/);
    expect(events.length).toBeLessThan(200);
    expect(events.map((each) => Number(each.split(' ')[1]))).toEqual(events.map((_, i) => i + 1));
  });

  it('loses a watch whose keys are too many, and is told', async () => {
    const { store, ask, read, answers, settle } = create({ waitingChanges: 10 });
    ask(simple(1, 'watch', '/b/**'), simple(2, 'watch', '/b/0'));
    await settle();
    const value = Buffer.alloc(4096);
    for (let i = 0; i < 100; i += 1) store.write('priv', path(`/b/${i}`), value);
    read();
    await expect.poll(() => answers.at(-1)).toMatch(/^1 \d+ \/ lost BUSY$/);
    const before = answers.length;
    store.write('priv', path('/b/0'), bytes('again'));
    await expect.poll(() => answers.slice(before)).toEqual(['2 2 /b/0 value again']);
    ask(simple(1, 'watch', '/b/0'));
    await expect.poll(() => answers.slice(before + 1)).toEqual(['1 1 /b/0 value again', '1 ok']);
  });

  it('may not watch more keys than can wait', async () => {
    const { store, ask, read, answers, refusals } = create({ waitingChanges: 10 });
    read();
    for (let i = 0; i < 11; i += 1) store.write('priv', path(`/b/${i}`), bytes(''));
    ask(simple(1, 'watch', '/b/*'), simple(2, 'watch', '/b/1'));
    await expect.poll(() => answers).toEqual(['1 QUOTA', '2 1 /b/1 value ', '2 ok']);
    expect(refusals()).toEqual(['watch /b/* QUOTA']);
  });

  it('is given up in the end', async () => {
    const { store, ask, settle, clock, server, refusals } = create();
    ask(simple(1, 'watch', '/b/*'));
    await settle();
    const value = Buffer.alloc(4096);
    for (let i = 0; i < 100; i += 1) store.write('priv', path(`/b/${i}`), value);
    clock.advance(29_999);
    await settle();
    expect(refusals()).toEqual([]);
    clock.advance(1);
    expect(await server.closed).toBe('it took nothing of what was sent to it for 30000 ms');
    expect(refusals()).toEqual(['end  BUSY']);
    expect(clock.pendingTimers()).toBe(0);
  });

  it('in time is not', async () => {
    const { store, ask, read, settle, clock, server, answers } = create();
    ask(simple(1, 'watch', '/b/*'));
    await settle();
    const value = Buffer.alloc(4096);
    for (let i = 0; i < 100; i += 1) store.write('priv', path(`/b/${i}`), value);
    clock.advance(29_999);
    read();
    await expect.poll(() => answers).toHaveLength(101);
    // Only silence ends it.
    clock.advance(29_999);
    ask(simple(2, 'read', '/own/x'));
    await expect.poll(() => answers.at(-1)).toBe('2 NOT_FOUND');
    server.close('done');
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe('a calf of which nothing comes', () => {
  it('hangs, and is given up', async () => {
    const { clock, server, refusals } = create();
    clock.advance(59_999);
    expect(server.fault).toBeNull();
    clock.advance(1);
    const why = 'nothing came from it for 60000 ms: it hangs';
    expect(await server.closed).toBe(why);
    expect(server.fault).toBe(why);
    expect(refusals()).toEqual(['end  BUSY']);
    expect(clock.pendingTimers()).toBe(0);
  });

  it.each([
    ['a question', '/own/x'],
    ['one that is refused', '/other'],
    ['what any calf asks to show that it goes on', '/alive'],
  ])('for as long after %s', async (_what, asked) => {
    const { ask, read, answers, clock, server } = create();
    read();
    for (let round = 1; round < 4; round += 1) {
      clock.advance(59_999);
      ask(simple(round, 'read', asked));
      await expect.poll(() => answers).toHaveLength(round);
    }
    expect(server.fault).toBeNull();
    clock.advance(75_000);
    expect(await server.closed).toContain('it hangs');
  });

  it('is nobody’s fault where it has ended', async () => {
    const { calf, clock, server } = create();
    calf.end();
    expect(await server.closed).toBe('it closed its connection');
    clock.advance(3_600_000);
    expect(server.fault).toBeNull();
  });
});

it('two calves share the keys, and not their ends', async () => {
  const first = create();
  const [privSide, calf] = duplexPair();
  const audit = { append: () => {} };
  const deps = { store: first.store, audit, clock: first.clock };
  const second = serveStore(deps, { actor: 'dhcp', rights: RIGHTS }, privSide);
  first.read();
  first.ask(simple(1, 'watch', '/own/*'));
  await expect.poll(() => first.answers).toEqual(['1 ok']);
  calf.resume();
  calf.write(frameOf(encodeRequest(write(1, '/own/x', 'v'))));
  await expect.poll(() => first.answers).toEqual(['1 ok', '1 1 /own/x value v']);
  calf.write(Buffer.alloc(4));
  expect(await second.closed).toContain('claims 0 bytes');
  first.ask(simple(2, 'read', '/own/x'));
  await expect.poll(() => first.answers.at(-1)).toBe('2 okv');
});

it('needs rights with patterns', () => {
  const [stream] = duplexPair();
  const deps = { store: create().store, audit: { append: () => {} }, clock: createManualClock() };
  const rights = [{ pattern: 'own', mayRead: true, mayWrite: true }];
  expect(() => serveStore(deps, { actor: 'net', rights }, stream)).toThrow('"own" is no pattern of keys');
});
