// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createJsonLinesFile } from './json-lines-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-lines-'));
  path = join(folder, 'launch', 'audit.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const open = (maxBytes = 1_000_000, keptFiles = 2) => createJsonLinesFile(path, { maxBytes, keptFiles });
const numbered = (count: number) => Array.from({ length: count }, (_, number) => ({ number }));

it('keeps lines in the order in which they came, over a restart, for its owner alone', async () => {
  const file = open();
  expect(await file.read()).toEqual([]);
  await Promise.all(numbered(20).map((line) => file.append(line)));
  expect(await file.read()).toEqual(numbered(20));
  expect(await open().read()).toEqual(numbered(20));
  expect([(await stat(path)).mode & 0o777, (await stat(join(folder, 'launch'))).mode & 0o777]).toEqual([
    0o600, 0o700,
  ]);
});

it('goes on behind a line that a crash cut short', async () => {
  await open().append({ number: 0 });
  await appendFile(path, '{"number": 1');
  const file = open();
  await file.append({ number: 2 });
  expect(await file.read()).toEqual([{ number: 0 }, { number: 2 }]);
});

it('keeps so many files of such a size, and forgets the oldest', async () => {
  const file = open(100, 2);
  for (const line of numbered(60)) await file.append(line);
  expect((await readdir(join(folder, 'launch'))).sort()).toEqual([
    'audit.jsonl',
    'audit.jsonl.1',
    'audit.jsonl.2',
  ]);
  const kept = await file.read();
  expect(kept.at(-1)).toEqual({ number: 59 });
  expect(kept).toEqual(numbered(60).slice(-kept.length));
  expect((await readFile(`${path}.1`)).length).toBeLessThan(200);
});

it('a line that cannot be written is told, and the next one is tried', async () => {
  await writeFile(join(folder, 'occupied'), '');
  const file = createJsonLinesFile(join(folder, 'occupied', 'audit.jsonl'), { maxBytes: 100, keptFiles: 1 });
  await expect(file.append({})).rejects.toThrow();
  await expect(file.append({})).rejects.toThrow();
});
