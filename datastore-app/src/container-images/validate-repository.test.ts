// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { expect, it, vi } from 'vitest';
import type { OpenBlob, StoredManifest } from '../blobs/registry-store.ts';
import { byteSourceOf, type Segment } from '../content/byte-source.ts';
import { validateRepository } from './validate-repository.ts';

const digestOf = (bytes: Buffer, algorithm: OciDigest['algorithm'] = 'sha256'): OciDigest => ({
  algorithm,
  hex: createHash(algorithm).update(bytes).digest('hex'),
});

/** More than one piece, exactly one, and none. */
const LARGE = Buffer.alloc(600_000, 7);
const PIECE = Buffer.alloc(256 * 1024, 8);
const EMPTY = Buffer.alloc(0);
const MANIFEST = Buffer.from('{}');
/** Stands for what cannot be read. */
const BROKEN = Buffer.from('x');
const FAILING: Segment = {
  ...{ kind: 'arriving', length: 1, abandon() {}, close() {} },
  fill: (_piece, _offset, callback) => callback(new Error('EIO')),
};
const contents = [LARGE, PIECE, EMPTY];

function validate(here: ReadonlyMap<string, Buffer>, digests: readonly OciDigest[], signal?: AbortSignal) {
  const noteDamaged = vi.fn();
  const close = vi.fn();
  const blobs = digests.map((digest) => ({ digest: formatDigest(digest), sizeBytes: 0 }));
  const manifest = digestOf(MANIFEST);
  const record = { mediaType: '', sizeBytes: 2, at: '', blobs, children: [] };
  const stored = {
    readManifest: async () => (here.has('manifest') ? ({ bytes: MANIFEST } as StoredManifest) : undefined),
    async openBlob(_repository: string, digest: OciDigest): Promise<OpenBlob | undefined> {
      const bytes = here.get(formatDigest(digest));
      if (bytes === undefined) return undefined;
      const segment: Segment = bytes === BROKEN ? FAILING : { kind: 'buffer', bytes };
      const source = { ...byteSourceOf([segment]), close };
      return { digest, sizeBytes: bytes.length, source };
    },
  };
  const manifests = new Map([[formatDigest(manifest), record]]);
  const validation = validateRepository(
    { stored, noteDamaged },
    { name: 'lab/app', manifests },
    signal ?? new AbortController().signal,
  );
  return { validation, noteDamaged, close };
}

it.each(['sha256', 'sha512'] as const)('reads everything, and closes it: %s', async (algorithm) => {
  const digests = contents.map((bytes) => digestOf(bytes, algorithm));
  const here = new Map(digests.map((digest, i) => [formatDigest(digest), contents[i] ?? EMPTY]));
  const { validation, noteDamaged, close } = validate(here.set('manifest', MANIFEST), digests);
  const checkedBytes = LARGE.length + PIECE.length + MANIFEST.length;
  expect(await validation).toEqual({ checked: 4, checkedBytes, problems: [] });
  expect(noteDamaged).not.toHaveBeenCalled();
  expect(close).toHaveBeenCalledTimes(3);
});

it('tells what is missing from what is damaged, and tells the store of that', async () => {
  const [large, piece, empty] = contents.map((bytes) => digestOf(bytes)) as [OciDigest, OciDigest, OciDigest];
  const changed = Buffer.from(LARGE);
  changed[changed.length - 1] = 0;
  const here = new Map([
    [formatDigest(large), changed],
    [formatDigest(empty), EMPTY],
  ]);
  const { validation, noteDamaged, close } = validate(here, [large, piece, empty]);
  expect((await validation).problems).toEqual([
    { digest: formatDigest(digestOf(MANIFEST)), problem: 'missing' },
    { digest: formatDigest(large), problem: 'damaged' },
    { digest: formatDigest(piece), problem: 'missing' },
  ]);
  expect(noteDamaged.mock.calls).toEqual([[formatDigest(large)]]);
  expect(close).toHaveBeenCalledTimes(2);
});

it('goes on where the disk does not give something', async () => {
  const [large, piece] = [digestOf(LARGE), digestOf(PIECE)];
  const here = new Map([
    ['manifest', MANIFEST],
    [formatDigest(large), BROKEN],
    [formatDigest(piece), PIECE],
  ]);
  const { validation, noteDamaged, close } = validate(here, [large, piece]);
  expect((await validation).problems).toEqual([{ digest: formatDigest(large), problem: 'unreadable' }]);
  expect(noteDamaged).not.toHaveBeenCalled();
  expect(close).toHaveBeenCalledTimes(2);
});

it('ends once nobody waits for it', async () => {
  const { validation } = validate(new Map(), [digestOf(LARGE)], AbortSignal.abort(new Error('gone')));
  await expect(validation).rejects.toThrow('gone');
});
