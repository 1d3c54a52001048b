// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Verification } from '../images/verification.ts';
import { createVerificationInbox } from './verification-inbox.ts';

const verification = (path: string, hour: number): Verification => ({
  path,
  version: {
    ...{ sizeBytes: 5, mtimeNs: 1_770_091_506_123_456_789n, ctimeNs: 1_770_091_507_987_654_321n },
    ...{ inode: 2n ** 63n, device: 0xfe00n },
  },
  verified: `2026-02-03T0${hour}:00:00.000Z`,
  isCorrupt: hour === 2,
});

let stateDirectory: string;
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'inbox-'));
});
afterEach(() => rm(stateDirectory, { recursive: true }));

const files = () => readdir(join(stateDirectory, 'verifications'));

it('hands on what was posted, in the order of its time, once', async () => {
  const inbox = createVerificationInbox({ stateDirectory });
  await inbox.post([]);
  expect(await inbox.peek()).toEqual([]);
  await inbox.post([verification('b', 2), verification('c', 3)]);
  await inbox.post([verification('a', 1)]);
  const expected = [verification('a', 1), verification('b', 2), verification('c', 3)];
  expect(await inbox.peek()).toEqual(expected);
  const taken: Verification[] = [];
  await inbox.take(async (verifications) => void taken.push(...verifications));
  await inbox.take(async () => {
    throw new Error('nothing is left');
  });
  expect(taken).toEqual(expected);
  expect(await files()).toEqual([]);
});

it('keeps what could not be handed on', async () => {
  const inbox = createVerificationInbox({ stateDirectory });
  await inbox.post([verification('a', 1)]);
  const refusing = inbox.take(async () => {
    throw new Error('no');
  });
  await expect(refusing).rejects.toThrow('no');
  expect(await inbox.peek()).toHaveLength(1);
});

it('passes over what is no post', async () => {
  const inbox = createVerificationInbox({ stateDirectory });
  await mkdir(join(stateDirectory, 'verifications'));
  await writeFile(join(stateDirectory, 'verifications', 'x.json'), '{');
  await writeFile(join(stateDirectory, 'verifications', 'y.json.new'), '[]');
  expect(await inbox.peek()).toEqual([]);
  await inbox.take(async () => {});
  expect(await files()).toEqual(['y.json.new']);
});
