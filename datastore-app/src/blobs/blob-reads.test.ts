// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBlobReads, groupOf, oldestReads } from './blob-reads.ts';

const sha256 = (start: string) => `sha256:${start.padEnd(64, '0')}`;
const sha512 = (start: string) => `sha512:${start.padEnd(128, '0')}`;
const at = (hour: number) => `2026-02-03T0${hour}:00:00.000Z`;

let stateDirectory: string;
let file: string;
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'blob-reads-'));
  file = join(stateDirectory, 'blob-reads.json');
});
afterEach(() => rm(stateDirectory, { recursive: true }));

it('remembers of each group the blob that was not read for longest', () => {
  const read = [
    [sha256('ab1'), at(3)],
    [sha256('ab2'), at(2)],
    [sha256('ab3'), at(4)],
    [sha256('cd1'), at(1)],
    [sha512('ab1'), at(5)],
  ] as const;
  expect([...oldestReads(read)]).toEqual([
    ['sha256:ab', at(2)],
    ['sha256:cd', at(1)],
    ['sha512:ab', at(5)],
  ]);
  expect(read.map(([digest]) => groupOf(digest))).toContain('sha512:ab');
});

it.each([
  ['first', [null, at(1), at(2)]],
  ['in the middle', [at(1), null, at(2)]],
  ['last', [at(1), at(2), null]],
])('remembers nothing of a group with one that was not read (%s)', (_where, times) => {
  expect(oldestReads(times.map((time, index) => [sha256(`ab${index}`), time] as const)).size).toBe(0);
});

it('has it back after a restart, and writes nothing that is there', async () => {
  const reads = createBlobReads({ stateDirectory });
  expect((await reads.load()).size).toBe(0);
  await reads.save([[sha256('ab'), at(1)]]);
  const { ino } = await stat(file);
  await reads.save([[sha256('ab'), at(1)]]);
  expect((await stat(file)).ino).toBe(ino);
  expect([...(await createBlobReads({ stateDirectory }).load())]).toEqual([['sha256:ab', at(1)]]);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ version: 1 });
});

it.each([
  ['nothing', ''],
  ['half', '{"version":1,"groups":{"sha256:ab"'],
  ['another version', '{"version":2,"groups":{}}'],
  ['no time', '{"version":1,"groups":{"sha256:ab":"soon"}}'],
  ['no group', '{"version":1,"groups":{"../ab":"2026-02-03T01:00:00.000Z"}}'],
])('begins anew where there is %s', async (_what, text) => {
  await writeFile(file, text);
  expect((await createBlobReads({ stateDirectory }).load()).size).toBe(0);
});
