// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import { describe, expect, it } from 'vitest';
import { memberBytes, planChunks } from './plan-chunks.ts';

const MiB = 1024 * 1024;
const blobOf = (sizeBytes: number, algorithm: 'sha256' | 'sha512' = 'sha256') => ({
  digest: { algorithm, hex: createHash(algorithm).update(String(sizeBytes)).digest('hex') },
  sizeBytes,
});
const limits = { chunkBytes: MiB, firstBytes: 10_240, otherBytes: 1024 };

it.each<
  [string, number[], typeof limits | { chunkBytes: undefined; firstBytes: number; otherBytes: number }]
>([
  ['nothing', [], limits],
  ['what fits into one', [1, 1000, 500_000], limits],
  ['what fits exactly', [MiB - 1024 - 1024 - 512], limits],
  ['a byte more than that', [MiB - 1024 - 1024 - 512 + 1], limits],
  ['blobs that fill gaps', [600_000, 700_001, 300_000, 200_000], limits],
  ['one that is much larger', [10 * MiB + 3], limits],
  ['large and small ones', [5 * MiB, 10, 3 * MiB + 1, 900_000, 20], limits],
  ['without a limit', [5 * MiB, 10, 3 * MiB + 1], { ...limits, chunkBytes: undefined }],
])('%s: no chunk is too large, and every byte is in one', (_title, sizes, given) => {
  const blobs = sizes.map((each) => blobOf(each));
  const chunks = planChunks(blobs, given) ?? [];
  for (const [i, members] of chunks.entries()) {
    const files = members.map(({ name, digest, sizeBytes }) => ({
      name,
      content: { kind: 'blob', digest, sizeBytes } as const,
    }));
    const own = i === 0 ? given.firstBytes : given.otherBytes;
    expect(totalBytes(tarParts(files)) + own).toBeLessThanOrEqual(
      given.chunkBytes ?? Number.POSITIVE_INFINITY,
    );
    if (i > 0) expect(members).not.toEqual([]);
  }
  // Its list has to know their digests before they are written.
  expect(chunks[0]?.filter(({ isPart }) => isPart)).toEqual([]);
  const members = chunks.flat();
  expect(new Set(members.map(({ name }) => name)).size).toBe(members.length);
  for (const { digest, sizeBytes } of blobs) {
    let at = 0;
    for (const member of members.filter((each) => formatDigest(each.digest) === formatDigest(digest))) {
      expect(member.offset).toBe(at);
      at += member.sizeBytes;
    }
    expect(at).toBe(sizeBytes);
  }
  if (given.chunkBytes === undefined) expect(chunks).toHaveLength(1);
  expect(planChunks(blobs, given)).toEqual(chunks);
});

describe('chunks that hold too little', () => {
  it.each([[{ ...limits, firstBytes: MiB }], [{ ...limits, chunkBytes: 16_384 }]])('%j', (given) => {
    expect(planChunks([blobOf(100)], given)).toBeUndefined();
  });
});

it('a member takes what it takes in a tar, also under a long name', () => {
  const { digest } = blobOf(700, 'sha512');
  const name = `blobs/sha512/${digest.hex}`;
  const files = [{ name, content: { kind: 'blob', digest, sizeBytes: 700 } as const }];
  expect(memberBytes(name, 700) + 1024).toBe(totalBytes(tarParts(files)));
});
