// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LogsWanted } from '../engine/container-engine.ts';
import { type ConsoleLog, openConsoleLog } from './console-log.ts';
import { readConsoleLines } from './read-console-lines.ts';

let folder: string;
let log: ConsoleLog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'console-lines-'));
  log = openConsoleLog(join(folder, 'console.log'), () => 0);
  await log.append(Buffer.from('one\ntwo\nthree\n'));
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});
const { signal } = new AbortController();

async function read(wanted: LogsWanted, ended: Promise<void> | null = null, until = signal) {
  const texts: string[] = [];
  for await (const { text, at } of readConsoleLines(log, ended, wanted, until))
    texts.push(at ? `${at} ${text}` : text);
  return texts;
}

it('has all of it, the end of it, and the times where they are wanted', async () => {
  expect(await read({})).toEqual(['one', 'two', 'three']);
  expect(await read({ tail: 2 })).toEqual(['two', 'three']);
  expect(await read({ tail: 0 })).toEqual([]);
  expect(await read({ tail: 9, hasTimes: true })).toContain('1970-01-01T00:00:00.000Z one');
  expect(await read({ isFollowed: true })).toHaveLength(3);
});

it('goes on with what comes, until the machine ends', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const lines = readConsoleLines(log, promise, { tail: 1, isFollowed: true }, signal);
  const next = async () => (await lines.next()).value?.text;
  expect(await next()).toBe('three');
  const waiting = next();
  await log.append(Buffer.from('four\nfive\n'));
  expect([await waiting, await next()]).toEqual(['four', 'five']);
  const last = next();
  resolve();
  expect(await last).toBeUndefined();
});

it('ends with whoever reads', async () => {
  const stop = new AbortController();
  const reading = read({ isFollowed: true }, new Promise(() => {}), stop.signal);
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});
