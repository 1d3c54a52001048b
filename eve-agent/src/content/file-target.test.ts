// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { SpaceError } from './errors.ts';
import { createFileTarget, HASH_LANE_BYTES } from './file-target.ts';
import { createHashLanes } from './hash-lanes.ts';
import { CONTENT, describeTargetContract, WANTED } from './target-contract.ts';

const lanes = createHashLanes(HASH_LANE_BYTES);
afterAll(() => lanes.close());
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-target-'));
  path = join(folder, 'a.img');
});
afterEach(() => rm(folder, { recursive: true }));

describeTargetContract('that is a file', async () => ({
  target: createFileTarget(path, { lanes }),
  published: () => readFile(path).catch(() => null),
  isTidy: async () => (await readdir(folder)).every((name) => name === 'a.img'),
}));

it('leaves the file that was there until it has another one', async () => {
  await writeFile(path, 'old');
  const target = await createFileTarget(path, { lanes }).open();
  try {
    target.take(CONTENT);
    expect(await target.publish({ ...WANTED, digest: digestOfHex('f'.repeat(64)) })).toMatchObject({
      kind: 'wrong-digest',
    });
    expect(await readFile(path, 'utf8')).toBe('old');
    await target.restart();
    target.take(CONTENT);
    expect(await target.publish(WANTED)).toMatchObject({ kind: 'accepted' });
    expect(await readFile(path)).toEqual(CONTENT);
  } finally {
    await target.close();
  }
});

it('says what the system refuses in the project’s words', async () => {
  const nowhere = createFileTarget(join(folder, 'absent', 'a.img'), { lanes });
  await expect(nowhere.open()).rejects.toMatchObject({ code: 'TARGET_UNWRITABLE' });
  const target = await createFileTarget(path, { lanes }).open();
  try {
    await rm(join(folder, '.a.img.partial'));
    target.take(CONTENT);
    await expect(target.publish(WANTED)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  } finally {
    await target.close();
  }
});

it('judges by sha512 where that is expected, also after a restart, and leaves the lane to others', async () => {
  const digestBy = (algorithm: string) => digestOfHex(createHash(algorithm).update(CONTENT).digest('hex'));
  const long = await createFileTarget(path, { lanes, algorithm: 'sha512' }).open();
  long.take(Buffer.from('something else'));
  await long.restart();
  long.take(CONTENT);
  const digest = digestBy('sha512');
  expect(await long.publish({ sizeBytes: null, digest })).toEqual({ kind: 'accepted', digest });
  await long.close();
  const plain = await createFileTarget(path, { lanes }).open();
  plain.take(CONTENT);
  expect(await plain.publish(WANTED)).toEqual({ kind: 'accepted', digest: digestBy('sha256') });
  await plain.close();
});

it('tells who reads along what can be read, and asks for room first', async () => {
  const told: string[] = [];
  const arrival = {
    onStored: (bytes: number) => void told.push(`stored ${bytes}`),
    onEmptied: () => void told.push('emptied'),
  };
  const makeRoom = async (bytes: number) => void told.push(`room ${bytes}`);
  const target = await createFileTarget(path, { lanes, arrival, makeRoom }).open();
  await target.restart();
  await target.requireSpace(CONTENT.length);
  target.take(CONTENT);
  await target.publish(WANTED);
  await target.close();
  expect(told).toEqual(['emptied', `room ${CONTENT.length}`, `stored ${CONTENT.length}`]);
  const refuses = async () => Promise.reject(new SpaceError('NO_SPACE', 'no room'));
  const full = await createFileTarget(path, { lanes, makeRoom: refuses }).open();
  await expect(full.requireSpace(1)).rejects.toMatchObject({ code: 'NO_SPACE' });
  await full.close();
});
