// SPDX-License-Identifier: Apache-2.0
import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import { sourceContent } from '../content/source-content.ts';
import type { BlobIntake } from './blob-intake.ts';
import type { ImageSet, SetPart } from './image-set.ts';
import { type ImportCaller, stagingOf } from './import-staging.ts';

/** Finds what images need, wherever whoever imports may have it from. */
export interface NeededBlobs {
  /**
   * Has a blob in the staging repository of the caller, where it can be had: brought by this import or an earlier one,
   * out of a repository that the caller may pull, or joined of its parts.
   *
   * @param set that the archive is a chunk of
   * @returns its size; undefined where it is missing
   */
  gather(blob: BlobInfo, caller: ImportCaller, set?: ImageSet): Promise<number | undefined>;
  /** The chunks of a set without which a blob is missing; undefined: none brings it, or there is no set. */
  chunksToBring(
    digest: string,
    caller: ImportCaller,
    set: ImageSet | undefined,
  ): Promise<readonly number[] | undefined>;
}

export interface NeededBlobsDeps {
  readonly store: Pick<RegistryStore, 'statBlob' | 'mountBlob' | 'openBlob'>;
  readonly intake: BlobIntake;
}

const notForPush = { isForPush: false };

export function createNeededBlobs({ store, intake }: NeededBlobsDeps): NeededBlobs {
  /** The parts one after another, each as it was brought. */
  async function* joined(staging: string, parts: readonly SetPart[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      const digest = parseOciDigest(part.digest);
      const blob = digest && (await store.openBlob(staging, digest));
      if (blob === undefined) throw new Error(`${part.digest}, a part of a blob, is gone`);
      try {
        yield* sourceContent(blob.source);
      } finally {
        blob.source.close();
      }
    }
  }

  async function missingParts(staging: string, parts: readonly SetPart[]): Promise<readonly SetPart[]> {
    const missing: SetPart[] = [];
    for (const part of parts) {
      const digest = parseOciDigest(part.digest);
      const there = digest && (await store.statBlob(staging, digest, notForPush));
      if (there?.sizeBytes !== part.sizeBytes) missing.push(part);
    }
    return missing;
  }

  return {
    async gather({ digest }, caller, set) {
      const staging = stagingOf(caller);
      const isMine = (name: string) => name === staging || caller.may('pull', name);
      // Renews the lease of what is staged already.
      const isHere =
        (await store.mountBlob(digest, { from: staging, to: staging, mayPull: isMine })) ||
        (await store.mountBlob(digest, { from: undefined, to: staging, mayPull: isMine }));
      if (!isHere) {
        const key = formatDigest(digest);
        const split = set?.split.find((each) => each.digest === key);
        if (split === undefined || (await missingParts(staging, split.parts)).length > 0) return undefined;
        await intake.take(staging, joined(staging, split.parts), { digest, isCertain: true });
      }
      return (await store.statBlob(staging, digest, notForPush))?.sizeBytes;
    },

    async chunksToBring(digest, caller, set) {
      const split = set?.split.find((each) => each.digest === digest);
      if (split === undefined) {
        const chunk = set?.blobs.find((each) => each.digest === digest)?.chunk;
        return chunk === undefined ? undefined : [chunk];
      }
      const parts = await missingParts(stagingOf(caller), split.parts);
      return [...new Set(parts.map(({ chunk }) => chunk))];
    },
  };
}
