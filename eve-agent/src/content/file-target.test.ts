import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import type { OpenTarget } from '../transfer/target.ts';
import { createFileTarget, HASH_LANE_BYTES } from './file-target.ts';
import { createHashLanes } from './hash-lanes.ts';

const CONTENT = Buffer.from('some bytes of an image');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const RECORD = {
  url: 'http://ds.local/a.img',
  sha256: SHA256,
  totalBytes: CONTENT.length,
  validators: { etag: '"one"', lastModified: null },
};
const WANTED = { sizeBytes: CONTENT.length, sha256: SHA256 };

const lanes = createHashLanes(HASH_LANE_BYTES);
afterAll(() => lanes.close());
let folder: string;
let path: string;
const opened: OpenTarget[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-target-'));
  path = join(folder, 'a.img');
});
afterEach(async () => {
  for (const target of opened.splice(0)) await target.close();
  await rm(folder, { recursive: true });
});

async function open(): Promise<OpenTarget> {
  const target = await createFileTarget(path, lanes).open();
  opened.push(target);
  return target;
}
async function closeAll(): Promise<void> {
  for (const target of opened.splice(0)) await target.close();
}

it('takes bytes in, and gives them their name when they are the wanted ones', async () => {
  const target = await open();
  expect([target.stored, target.position]).toEqual([null, 0]);
  await target.writeRecord(RECORD);
  const region = target.region();
  region?.set(CONTENT.subarray(0, 5));
  target.take(Buffer.from(region?.buffer as SharedArrayBuffer, region?.byteOffset, 5));
  target.take(CONTENT.subarray(5));
  expect(target.position).toBe(CONTENT.length);
  expect(await target.publish(WANTED)).toEqual({ kind: 'accepted', sha256: SHA256 });
  expect(await readdir(folder)).toEqual(['a.img']);
  expect(await readFile(path)).toEqual(CONTENT);
});

it.each([
  ['another size', { ...WANTED, sizeBytes: 5 }, { kind: 'wrong-size' }],
  ['another digest', { ...WANTED, sha256: 'f'.repeat(64) }, { kind: 'wrong-digest', sha256: SHA256 }],
])('leaves what was there where bytes of %s were wanted', async (_, expected, verdict) => {
  await writeFile(path, 'old');
  const target = await open();
  target.take(CONTENT);
  expect(await target.publish(expected)).toEqual(verdict);
  await target.abandon(true);
  expect(await readdir(folder)).toEqual(['a.img']);
  expect(await readFile(path, 'utf8')).toBe('old');
});

it('keeps what has arrived for a later run, which goes on from there', async () => {
  const first = await open();
  await first.writeRecord(RECORD);
  first.take(CONTENT.subarray(0, 9));
  await first.abandon(false);
  await closeAll();
  const second = await open();
  expect(second.stored).toEqual({ record: RECORD, sizeBytes: 9 });
  await second.resume();
  expect(second.position).toBe(9);
  second.take(CONTENT.subarray(9));
  expect(await second.publish(WANTED)).toEqual({ kind: 'accepted', sha256: SHA256 });
});

it('forgets what was taken in when it starts over, and leaves nothing of nothing', async () => {
  const target = await open();
  target.take(Buffer.from('other bytes'));
  await target.restart();
  expect(target.position).toBe(0);
  await target.abandon(false);
  expect(await readdir(folder)).toEqual([]);
});

it('is one download’s at a time', async () => {
  await open();
  await expect(createFileTarget(path, lanes).open()).rejects.toMatchObject({ code: 'TARGET_BUSY' });
  await closeAll();
  await expect(open()).resolves.toMatchObject({ position: 0 });
});

it('says what the system refuses in the project’s words', async () => {
  const nowhere = createFileTarget(join(folder, 'absent', 'a.img'), lanes);
  await expect(nowhere.open()).rejects.toMatchObject({ code: 'TARGET_UNWRITABLE' });
  const target = await open();
  await expect(target.requireSpace(Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'NO_SPACE' });
  await rm(join(folder, '.a.img.partial'));
  target.take(CONTENT);
  await expect(target.publish(WANTED)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});
