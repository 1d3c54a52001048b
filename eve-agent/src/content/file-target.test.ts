import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
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
