// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createSpace } from './space.ts';

const MIB = 1024 * 1024;

function setUp({
  freeBytes = 1e12,
  usedBytes = 0,
  trashBytes = 0,
  quotaBytes = undefined as number | undefined,
}) {
  const volume = { freeBytes, usedBytes, trashBytes };
  const space = createSpace(
    {
      freeBytes: async () => volume.freeBytes,
      usedBytes: (replaced) => (replaced.has('old') ? 0 : volume.usedBytes) + volume.trashBytes,
      async makeRoom() {
        if (volume.trashBytes === 0) return false;
        volume.freeBytes += volume.trashBytes;
        volume.trashBytes = 0;
        return true;
      },
    },
    { reserveBytes: 100, quotaBytes },
  );
  return { space, volume };
}

it('keeps room for what was promised, until it is written or given up', async () => {
  const { space, volume } = setUp({ freeBytes: 1100 });
  const first = await space.claim(600);
  await expect(space.claim(500)).rejects.toMatchObject({ code: 'NO_SPACE' });
  await first.spend(600);
  volume.freeBytes -= 600;
  const second = await space.claim(400);
  await expect(space.claim(1)).rejects.toMatchObject({ code: 'NO_SPACE' });
  second.release();
  second.release();
  await space.claim(400);
});

it('grows with content of unknown size, and gives back what was too much', async () => {
  const { space } = setUp({ quotaBytes: 40 * MIB });
  const claim = await space.claim(undefined);
  await claim.spend(17 * MIB);
  await expect(space.claim(10 * MIB)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  claim.settle();
  const other = await space.claim(10 * MIB);
  await expect(claim.spend(14 * MIB)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  other.release();
  await claim.spend(14 * MIB);
});

it('counts what has arrived until it is counted among the images', async () => {
  const { space, volume } = setUp({ quotaBytes: 1000 });
  const claim = await space.claim(600);
  await claim.spend(600);
  claim.settle();
  await expect(space.claim(500)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  volume.usedBytes = 600;
  claim.release();
  await space.claim(400);
});

it('takes up a claim of before a restart without judging it, and then holds others to it', async () => {
  const { space, volume } = setUp({ freeBytes: 600, quotaBytes: 1000 });
  const resumed = space.resume(900, 500);
  await expect(space.claim(101)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  await expect(space.claim(100)).resolves.toBeDefined();
  await resumed.requireRoom();
  volume.freeBytes = 400;
  await expect(resumed.requireRoom()).rejects.toMatchObject({ code: 'NO_SPACE' });
});

it.each([
  ['replaces what is there, as large as the quota', 1000, 'old', undefined],
  ['replaces what is there, larger than the quota', 1001, 'old', 'QUOTA_EXCEEDED'],
  ['stands beside what is there', 500, 'new', 'QUOTA_EXCEEDED'],
  ['stands beside what is there, and fits', 400, 'new', undefined],
  ['has no path yet', 500, undefined, 'QUOTA_EXCEEDED'],
])('judges by what will be there at the end: an image that %s', async (_what, sizeBytes, path, code) => {
  const { space } = setUp({ usedBytes: 600, quotaBytes: 1000 });
  const claim = space.claim(sizeBytes, path);
  if (code === undefined) await expect(claim).resolves.toBeDefined();
  else await expect(claim).rejects.toMatchObject({ code });
});

it('lets what is replaced go for one only, when two replace it', async () => {
  const { space } = setUp({ usedBytes: 600, quotaBytes: 1000 });
  await space.claim(500, 'old');
  await space.claim(500, 'old');
  await expect(space.claim(1, 'old')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
});

it('demands that old and new fit on the disk together', async () => {
  const { space } = setUp({ usedBytes: 600, freeBytes: 500, quotaBytes: 1000 });
  await expect(space.claim(401, 'old')).rejects.toMatchObject({ code: 'NO_SPACE' });
  await space.claim(400, 'old');
});

it('grows an image of unknown size that replaces another, and takes it up after a restart', async () => {
  const { space } = setUp({ usedBytes: 30 * MIB, quotaBytes: 40 * MIB });
  const claim = await space.claim(undefined, 'old');
  await claim.spend(40 * MIB);
  await expect(claim.spend(1)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  claim.release();
  const resumed = space.resume(40 * MIB, 10, 'old');
  await resumed.requireRoom();
  await expect(space.claim(1)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
});

it('claims nothing for content that may never come, and less than a step where a step does not fit', async () => {
  const { space } = setUp({ quotaBytes: 1000 });
  const claims = await Promise.all([1, 2, 3].map(() => space.claim(0)));
  for (const claim of claims) await claim.spend(300);
  await expect(claims[0]?.spend(101)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
});

it.each([
  ['quota', { quotaBytes: 1000, usedBytes: 500, trashBytes: 400 }],
  ['volume', { freeBytes: 200, trashBytes: 400 }],
])('makes room once the %s is full, and not before', async (_what, options) => {
  const { space, volume } = setUp(options);
  await space.claim(100);
  expect(volume.trashBytes).toBe(400);
  await space.claim(300);
  expect(volume.trashBytes).toBe(0);
  await expect(space.claim(1000)).rejects.toBeDefined();
});
