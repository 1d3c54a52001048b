// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type IndexRow, indexText, readIndex } from './index-file.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'index-file-'));
  file = join(folder, 'index.json');
});

afterEach(() => rm(folder, { recursive: true }));

async function read(): Promise<{ head: unknown; rows: IndexRow[] }> {
  const rows: IndexRow[] = [];
  return { head: await readIndex(file, (row) => rows.push(row)), rows };
}

const HEAD = { version: 1, stateId: 'a' };

it.each<readonly [what: string, rows: IndexRow[]]>([
  ['none', []],
  ['one', [['a.img', { sizeBytes: 1 }]]],
  ['some', Array.from({ length: 1201 }, (_, number): IndexRow => [`${number}.img`, { number }])],
  [
    'names that end lines elsewhere',
    ['a\u2028b', 'c\u2029d', 'e"f', '__proto__'].map((name) => [name, { name }]),
  ],
])('reads what was written, which is one JSON object: %s', async (_what, rows) => {
  await writeFile(file, indexText(HEAD, rows));
  expect(await read()).toEqual({ head: HEAD, rows });
  const whole = JSON.parse(await readFile(file, 'utf8'));
  expect(Object.entries(whole.images)).toEqual(rows);
  // As programs of before wrote it.
  await writeFile(file, JSON.stringify(whole));
  expect(await read()).toEqual({ head: HEAD, rows });
});

it('takes no part of an index for the whole', async () => {
  const text = [...indexText(HEAD, [['a.img', { sizeBytes: 1 }]])].join('');
  for (let length = 0; length < text.length - 2; length += 1) {
    await writeFile(file, text.slice(0, length));
    await expect(read(), `of ${length} characters`).rejects.toThrow(SyntaxError);
  }
});
