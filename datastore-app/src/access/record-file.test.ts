// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as z from 'zod';
import { createRecordFile, type RecordFile } from './record-file.ts';

let folder: string;
let records: RecordFile<number>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-file-'));
  records = createRecordFile(folder, 'numbers.json', () => z.number());
});
afterEach(() => rm(folder, { recursive: true }));

it('has nothing at first, and makes nothing by reading', async () => {
  expect(await records.read()).toEqual(new Map());
  expect(await readdir(folder)).toEqual([]);
});

it('keeps what was changed, for its owner alone', async () => {
  expect(await records.edit((all) => all.set('one', 1).size)).toBe(1);
  expect(await records.read()).toEqual(new Map([['one', 1]]));
  expect([await readdir(folder), (await stat(records.file)).mode & 0o777]).toEqual([['numbers.json'], 0o600]);
});

it('loses no change of many at a time', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  const others = createRecordFile(folder, 'numbers.json', () => z.number());
  await Promise.all(
    names.map((name, index) => (index % 2 ? others : records).edit((all) => all.set(name, index))),
  );
  expect([...(await records.read()).keys()].sort()).toEqual(names.sort());
});

it('writes nothing when the change is refused, and lets the next one in', async () => {
  await records.edit((all) => all.set('one', 1));
  const before = await readFile(records.file, 'utf8');
  const refuse = () => {
    throw new Error('no');
  };
  await expect(records.edit(refuse)).rejects.toThrow('no');
  expect(await readFile(records.file, 'utf8')).toBe(before);
  await records.edit((all) => all.delete('one'));
  expect(await records.read()).toEqual(new Map());
});

it.each([
  ['not JSON', '{"version":1,"secret-in-it', /it is not JSON/],
  ['of another version', '{"version":2,"records":{}}', /version/],
  ['wrong', '{"version":1,"records":{"one":"1"}}', /records\.one/],
])('is not replaced while it is %s', async (_, content, why) => {
  await writeFile(records.file, content);
  await expect(records.read()).rejects.toThrow(why);
  await expect(records.edit((all) => all.set('two', 2))).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: expect.not.stringContaining('secret-in-it'),
  });
  expect(await readFile(records.file, 'utf8')).toBe(content);
});

it('takes names as they are', async () => {
  await records.edit((all) => all.set('constructor', 1));
  expect([...(await records.read())]).toEqual([['constructor', 1]]);
});
