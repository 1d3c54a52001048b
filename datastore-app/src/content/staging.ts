// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Digest, DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { type FileVersion, versionOf } from './file-version.ts';
import type { Hasher } from './hasher.ts';
import type { Space, SpaceClaim } from './space.ts';
import { asStoreError, StoreError } from './store-error.ts';
import { checkContent, requireDigest } from './verified-content.ts';
import { writePieces } from './write-pieces.ts';

/** What is known of an image before it has come in. */
export interface ExpectedContent {
  readonly sizeBytes?: number | undefined;
  /** All of them must hold. */
  readonly digests?: readonly Digest[] | undefined;
  /** The path that it is to have: what stands there now need not fit into the quota beside it. */
  readonly path?: string | undefined;
}

/** What is known of a file of the incoming directory. */
export type ExpectedFile = Pick<ExpectedContent, 'sizeBytes'> & {
  readonly digest?: Digest | undefined;
};

/** Content that is complete, checked and on the disk, but not yet an image. */
export interface StagedImage {
  readonly file: string;
  readonly version: FileVersion;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** The room that it takes until it is counted among the images; undefined: somebody else keeps it. */
  readonly claim: SpaceClaim | undefined;
}

/** Receives content beside the images, where nobody sees it. */
export interface Staging {
  /** Writes content and checks it. @throws StoreError; whatever `content` throws; then nothing is left behind */
  stage(content: AsyncIterable<Uint8Array>, expected: ExpectedContent): Promise<StagedImage>;
  /** Checks content that is complete in a file of the incoming directory. @throws StoreError */
  stageFile(file: string, expected: ExpectedFile): Promise<StagedImage>;
  /** To be called once staged content is an image: its room is counted as such. */
  release(staged: StagedImage): void;
  /** Gives up staged content, and its room. */
  discard(staged: StagedImage): Promise<void>;
  /** Removes what an earlier run of this program left, and what nobody has written to for so long. */
  collect(olderThanMs: number): Promise<number>;
}

export interface StagingDeps {
  readonly space: Space;
  readonly hash: Hasher['hash'];
  readonly now: () => number;
}

/** Below the root, because only within one file system does a file move whole or not at all. */
const INCOMING_DIRECTORY = '.incoming';
const STAGED_SUFFIX = '.staged';

/** Where content waits until it is an image. Dotfiles are never served. */
export const incomingDirectoryOf = (root: string) => join(root, INCOMING_DIRECTORY);

/** Makes the incoming directory of a root where it is missing. */
export async function makeIncomingDirectory(incoming: string): Promise<void> {
  await mkdir(incoming, { mode: 0o700 }).catch((error) => {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
}

/** The names in the incoming directory; none while there is none. */
export async function readIncoming(incoming: string): Promise<string[]> {
  try {
    return await readdir(incoming);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes a file that may be gone already. @returns whether it was there */
export async function removeFile(file: string): Promise<boolean> {
  try {
    await unlink(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** @throws Error where it cannot be read, or is being written to */
export async function hashFile(
  hash: Hasher['hash'],
  file: string,
  version: FileVersion,
  algorithm: DigestAlgorithm,
): Promise<string> {
  const outcome = await hash(file, version, { algorithm });
  if (outcome.kind === 'hashed') return outcome.hex;
  throw new Error(outcome.kind === 'changed' ? `${file} is being written to` : outcome.reason);
}

function requireSize(sizeBytes: number, expectedBytes: number | undefined): void {
  if (expectedBytes === undefined || sizeBytes === expectedBytes) return;
  throw new StoreError(
    sizeBytes < expectedBytes ? 'INCOMPLETE' : 'SIZE_MISMATCH',
    `${expectedBytes} bytes were promised, ${sizeBytes} came.`,
    { details: { expectedBytes, sizeBytes } },
  );
}

/** @param owner tells what this program left behind when it was killed from what another one is still writing */
export function createStaging(
  { space, hash, now }: StagingDeps,
  { incoming, owner }: { readonly incoming: string; readonly owner: string },
): Staging {
  const prefix = `${owner}-`;
  const current = new Set<string>();

  async function write(
    handle: FileHandle,
    claim: SpaceClaim,
    content: AsyncIterable<Uint8Array>,
    expected: ExpectedContent,
  ): Promise<string> {
    const check = checkContent(expected.digests ?? [], ['sha256']);
    let sizeBytes = 0;
    async function* checked() {
      for await (const piece of content) {
        sizeBytes += piece.length;
        if (expected.sizeBytes !== undefined && sizeBytes > expected.sizeBytes) {
          throw new StoreError('SIZE_MISMATCH', `More than the promised ${expected.sizeBytes} bytes came.`);
        }
        check.update(piece);
        yield piece;
      }
    }
    await writePieces(handle, 0, checked(), claim.spend, expected.sizeBytes);
    requireSize(sizeBytes, expected.sizeBytes);
    check.require();
    return check.hexOf('sha256');
  }

  function release({ file, claim }: StagedImage): void {
    claim?.release();
    current.delete(basename(file));
  }

  return {
    async stage(content, expected) {
      const claim = await space.claim(expected.sizeBytes, expected.path);
      const name = `${prefix}${randomUUID()}${STAGED_SUFFIX}`;
      const file = join(incoming, name);
      let handle: FileHandle | undefined;
      current.add(name);
      try {
        await makeIncomingDirectory(incoming);
        handle = await open(file, 'wx', 0o644);
        const sha256 = await write(handle, claim, content, expected);
        await handle.sync();
        claim.settle();
        const version = versionOf(await handle.stat({ bigint: true }));
        return { file, version, sha256, claim };
      } catch (error) {
        await unlink(file).catch(() => {});
        current.delete(name);
        claim.release();
        throw asStoreError(error);
      } finally {
        await handle?.close();
      }
    },

    async stageFile(file, expected) {
      const handle = await open(file, 'r');
      try {
        await handle.sync();
        const version = versionOf(await handle.stat({ bigint: true }));
        const sha256 = await hashFile(hash, file, version, 'sha256');
        requireSize(version.sizeBytes, expected.sizeBytes);
        const { digest } = expected;
        if (digest?.algorithm === 'sha256') requireDigest(digest, sha256);
        else if (digest) requireDigest(digest, await hashFile(hash, file, version, digest.algorithm));
        return { file, version, sha256, claim: undefined };
      } catch (error) {
        throw asStoreError(error);
      } finally {
        await handle.close();
      }
    },

    release,

    async discard(staged) {
      await removeFile(staged.file);
      release(staged);
    },

    async collect(olderThanMs) {
      let collected = 0;
      for (const name of await readIncoming(incoming)) {
        if (!name.endsWith(STAGED_SUFFIX) || current.has(name)) continue;
        const file = join(incoming, name);
        const modifiedMs = await stat(file).then(
          ({ mtimeMs }) => mtimeMs,
          () => undefined,
        );
        const isOurs = name.startsWith(prefix);
        if (modifiedMs === undefined || (!isOurs && now() - modifiedMs < olderThanMs)) continue;
        if (await removeFile(file)) collected += 1;
      }
      return collected;
    },
  };
}
