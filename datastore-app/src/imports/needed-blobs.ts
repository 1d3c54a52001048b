import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';
import { sourceContent } from '../content/source-content.ts';
import type { BlobIntake } from './blob-intake.ts';
import { chunksOf, type ImageSet, type SetPart } from './image-set.ts';
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

  async function hasAll(staging: string, parts: readonly SetPart[]): Promise<boolean> {
    for (const part of parts) {
      const digest = parseOciDigest(part.digest);
      const there = digest && (await store.statBlob(staging, digest, notForPush));
      if (there?.sizeBytes !== part.sizeBytes) return false;
    }
    return true;
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
        if (split === undefined || !(await hasAll(staging, split.parts))) return undefined;
        await intake.take(staging, joined(staging, split.parts), { digest, isCertain: true });
      }
      return (await store.statBlob(staging, digest, notForPush))?.sizeBytes;
    },
  };
}

/** Which chunks of a set bring a blob; undefined: none, or there is no set. */
export function chunksWith(set: ImageSet | undefined): (digest: string) => readonly number[] | undefined {
  const chunks = set && chunksOf(set);
  return (digest) => chunks?.get(digest);
}
