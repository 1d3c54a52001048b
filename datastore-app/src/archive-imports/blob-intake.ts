// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { ARCHIVES_NAMESPACE } from '../archives/archive-naming.ts';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import { requireDigest } from '../content/verified-content.ts';

/** Content that came with an import, and is a blob now. */
export interface TakenBlob extends BlobInfo {
  /** How it begins: four bytes, or fewer. */
  readonly head: Buffer;
  /** Whether it was not here before. */
  readonly isNew: boolean;
}

/** What a name says of the digest of content. */
export interface NamedDigest {
  readonly digest: OciDigest;
  /** Whether it must have it; else it most probably does. */
  readonly isCertain: boolean;
}

/** Makes blobs of what comes, in a repository that nobody can read. */
export interface BlobIntake {
  /**
   * Stores content as a blob, with a lease. What is here already is read and compared, but not written: who brings a
   * digest without the content gets nothing of it.
   *
   * @param named undefined: it is whatever it is
   * @throws StoreError DIGEST_MISMATCH, once all of the content has been read; what {@link RegistryStore.appendUpload}
   *   and {@link RegistryStore.finishUpload} throw; whatever `content` throws
   */
  take(
    staging: string,
    content: AsyncIterable<Uint8Array>,
    named: NamedDigest | undefined,
  ): Promise<TakenBlob>;
}

export type IntakeStore = Pick<
  RegistryStore,
  'mountBlob' | 'createUpload' | 'appendUpload' | 'finishUpload' | 'cancelUpload' | 'findImport'
>;

const HEAD_BYTES = 4;
/** Has what is here while somebody shows to have it, too: nothing is given out of it before. */
const UNPROVED = `${ARCHIVES_NAMESPACE}/import-unproved`;
const anybodys = { from: undefined, mayPull: () => true };

/** Reads content along. */
interface Witness {
  readonly hash: Hash;
  head: Buffer;
  sizeBytes: number;
}

async function* witnessed(content: AsyncIterable<Uint8Array>, witness: Witness): AsyncGenerator<Uint8Array> {
  for await (const piece of content) {
    if (witness.head.length < HEAD_BYTES) {
      witness.head = Buffer.concat([witness.head, piece.subarray(0, HEAD_BYTES - witness.head.length)]);
    }
    witness.hash.update(piece);
    witness.sizeBytes += piece.length;
    yield piece;
  }
}

export function createBlobIntake({ store }: { readonly store: IntakeStore }): BlobIntake {
  /** Uploads of imports that run: others of the same digest were left by a kill. */
  const running = new Set<string>();

  /** @returns whether it was not here before */
  async function upload(
    staging: string,
    content: AsyncIterable<Uint8Array>,
    expected: OciDigest | undefined,
    digestOf: () => OciDigest,
  ): Promise<boolean> {
    const left = expected && store.findImport(staging, expected);
    if (left !== undefined && !running.has(left.id)) await store.cancelUpload(staging, left.id);
    const algorithm = expected?.algorithm ?? 'sha256';
    const { id } = await store.createUpload(staging, { algorithm, expected });
    running.add(id);
    try {
      await store.appendUpload(staging, id, undefined, content);
      const digest = expected ?? digestOf();
      const isHere = expected === undefined && (await store.mountBlob(digest, { ...anybodys, to: staging }));
      if (isHere) await store.cancelUpload(staging, id);
      else await store.finishUpload(staging, id, digest);
      return !isHere;
    } catch (error) {
      await store.cancelUpload(staging, id);
      throw error;
    } finally {
      running.delete(id);
    }
  }

  return {
    async take(staging, content, named) {
      const algorithm = named?.digest.algorithm ?? 'sha256';
      const witness: Witness = { hash: createHash(algorithm), head: Buffer.alloc(0), sizeBytes: 0 };
      const digestOf = (): OciDigest => ({ algorithm, hex: witness.hash.copy().digest('hex') });
      const read = witnessed(content, witness);
      let isNew = false;
      const isHere =
        named !== undefined && (await store.mountBlob(named.digest, { ...anybodys, to: UNPROVED }));
      if (isHere) {
        for await (const _piece of read);
        requireDigest(named.digest, digestOf().hex);
        await store.mountBlob(named.digest, { ...anybodys, to: staging });
      } else {
        isNew = await upload(staging, read, named?.isCertain ? named.digest : undefined, digestOf);
      }
      const { head, sizeBytes } = witness;
      return { digest: digestOf(), sizeBytes, head, isNew };
    },
  };
}
