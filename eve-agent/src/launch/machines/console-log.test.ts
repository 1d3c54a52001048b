// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConsoleLog } from './console-log.ts';

describe('the log of a console', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'console-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = () => openConsoleLog(join(folder, 'console.log'), () => 0);
  const texts = (lines: readonly { text: string }[]) => lines.map(({ text }) => text);

  it('has lines of whatever pieces, also the one that has not ended, and keeps them', async () => {
    const log = open();
    for (const piece of ['one\r\nt', 'wo', '\n\nlogin: ']) await log.append(Buffer.from(piece));
    expect(texts(await log.read())).toEqual(['one', 'two', '', 'login: ']);
    expect((await log.read())[0]).toEqual({ stream: 'stdout', text: 'one', at: '1970-01-01T00:00:00.000Z' });
    await log.close();
    const again = open();
    await again.append(Buffer.from('next\n'));
    expect(texts(await again.read())).toEqual(['one', 'two', '', 'login: ', 'next']);
    await again.close();
  });

  it('tells each line as it ends to those that follow, none twice and none left out', async () => {
    const log = open();
    await log.append(Buffer.from('one\ntw'));
    const seen: string[] = [];
    const { lines, end } = await log.follow(({ text }) => seen.push(text));
    await log.append(Buffer.from('o\nthree\n'));
    end();
    await log.append(Buffer.from('four\n'));
    expect([texts(lines), seen]).toEqual([['one'], ['two', 'three']]);
    await log.close();
  });

  it('does not grow beyond two files, whatever is written', async () => {
    const log = open();
    const line = Buffer.from(`${'x'.repeat(1000)}\n`);
    for (let count = 0; count < 3000; count += 1) await log.append(line);
    await log.append(Buffer.alloc(100_000, 'y'));
    const files = await readdir(folder);
    expect(files.sort()).toEqual(['console.log', 'console.log.1']);
    for (const file of files) expect((await stat(join(folder, file))).size).toBeLessThanOrEqual(512 * 1024);
    const lines = await log.read();
    expect(lines.at(-1)?.text).toMatch(/^y+$/);
    expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThanOrEqual(8 * 1024);
    await log.close();
  });
});
