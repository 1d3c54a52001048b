// SPDX-License-Identifier: Apache-2.0
import { lstat, readdir, rm, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import {
  formatDigest,
  OCI_ALGORITHMS,
  type OciDigest,
  parseOciDigest,
} from '@local-datastore/shared/oci/digest';
import { createTurns } from '@local-datastore/shared/turns';
import { SpaceError } from './errors.ts';
import { partialPaths } from './partial-file.ts';

/** How much may be kept. */
export interface CacheLimits {
  readonly maxBytes: number;
  /** What stays free on the file system. */
  readonly reserveBytes: number;
}

/** Content by its digest, whole and verified, as much of it as may be kept. Files are the truth, memory is the index. */
export interface BlobCache {
  /** Makes the folders, and looks what is there. */
  open(): Promise<void>;
  /** Where the content of a digest stands, or is to stand. */
  pathOf(digest: OciDigest): string;
  /** For who asked for it. @returns its size; null: it is not here */
  find(digest: OciDigest): Promise<{ readonly sizeBytes: number } | null>;
  /** Keeps content that is being served. @returns the release */
  hold(digest: OciDigest): () => void;
  /**
   * Makes room for content that arrives, beside what has come of it: what was asked for the longest time ago goes.
   *
   * @throws SpaceError
   */
  claim(digest: OciDigest, neededBytes: number): Promise<void>;
  /** Its arrival is over, well or not: what there is counts. */
  settle(digest: OciDigest): Promise<void>;
  remove(digest: OciDigest): Promise<void>;
  /** All that is whole, what was asked for the longest time ago first. */
  list(): readonly { readonly digest: OciDigest; readonly sizeBytes: number }[];
}

interface Kept {
  readonly digest: OciDigest;
  readonly isWhole: boolean;
  readonly sizeBytes: number;
}

const PARTIAL = /^\.([0-9a-f]+)\.partial$/;
/** The time of a file says when it was asked for; it need not say it to the second. */
const TOUCH_MS = 60_000;

export function createBlobCache(folder: string, { maxBytes, reserveBytes }: CacheLimits): BlobCache {
  const folderOf = (algorithm: string) => join(folder, 'blobs', algorithm);
  const pathOf = ({ algorithm, hex }: OciDigest) => join(folderOf(algorithm), hex);
  const partialOf = (digest: OciDigest) => partialPaths(pathOf(digest)).file;
  /** In the order of their last use. */
  const kept = new Map<string, Kept>();
  /** Of what arrives: how large it is to be. */
  const claims = new Map<string, { readonly digest: OciDigest; readonly sizeBytes: number }>();
  const holds = new Map<string, number>();
  /** Two that make room must not count on the same. */
  const turns = createTurns();

  const sizeOf = async (path: string) => {
    const facts = await lstat(path).catch(() => null);
    return facts?.isFile() ? facts.size : null;
  };
  function put(entry: Kept): void {
    const key = formatDigest(entry.digest);
    kept.delete(key);
    kept.set(key, entry);
  }
  async function removeFiles(digest: OciDigest): Promise<void> {
    const { file, record } = partialPaths(pathOf(digest));
    for (const path of [pathOf(digest), file, record]) await rm(path, { force: true });
    kept.delete(formatDigest(digest));
  }
  const usedBytes = () =>
    [...kept.values(), ...claims.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  /** Room that those who arrive beside have a right to, and do not fill yet. */
  async function promisedBytes(): Promise<number> {
    const open = [...claims.values()].map(async ({ digest, sizeBytes }) =>
      Math.max(sizeBytes - ((await sizeOf(partialOf(digest))) ?? 0), 0),
    );
    return (await Promise.all(open)).reduce((sum, bytes) => sum + bytes, 0);
  }
  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize - (await promisedBytes()) - reserveBytes;
  }
  /** @returns whether something could go */
  async function removeOldest(): Promise<boolean> {
    for (const [key, { digest }] of kept) {
      if (holds.has(key) || claims.has(key)) continue;
      await removeFiles(digest);
      return true;
    }
    return false;
  }
  const noRoom = (message: string) => new SpaceError('NO_SPACE', message);

  return {
    async open() {
      const found: (Kept & { readonly usedMs: number })[] = [];
      for (const algorithm of OCI_ALGORITHMS) {
        await makeFolder(folderOf(algorithm));
        for (const name of await readdir(folderOf(algorithm))) {
          const partial = PARTIAL.exec(name)?.[1];
          const digest = parseOciDigest(`${algorithm}:${partial ?? name}`);
          const facts = await lstat(join(folderOf(algorithm), name)).catch(() => null);
          if (digest === undefined || !facts?.isFile()) continue;
          const { size, mtimeMs } = facts;
          found.push({ digest, isWhole: partial === undefined, sizeBytes: size, usedMs: mtimeMs });
        }
      }
      found.sort((left, right) => left.usedMs - right.usedMs);
      for (const { digest, isWhole, sizeBytes } of found) put({ digest, isWhole, sizeBytes });
      await turns.take(async () => {
        while (usedBytes() > maxBytes && (await removeOldest()));
      });
    },
    pathOf,
    async find(digest) {
      const facts = await lstat(pathOf(digest)).catch(() => null);
      if (facts === null || !facts.isFile()) {
        if (kept.get(formatDigest(digest))?.isWhole) kept.delete(formatDigest(digest));
        return null;
      }
      put({ digest, isWhole: true, sizeBytes: facts.size });
      const now = new Date();
      if (now.getTime() - facts.mtimeMs > TOUCH_MS) await utimes(pathOf(digest), now, now).catch(() => {});
      return { sizeBytes: facts.size };
    },
    hold(digest) {
      const key = formatDigest(digest);
      holds.set(key, (holds.get(key) ?? 0) + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (holds.get(key) ?? 1) - 1;
        if (left > 0) holds.set(key, left);
        else holds.delete(key);
      };
    },
    claim: (digest, neededBytes) =>
      turns.take(async () => {
        const key = formatDigest(digest);
        claims.delete(key);
        kept.delete(key);
        const sizeBytes = ((await sizeOf(partialOf(digest))) ?? 0) + neededBytes;
        if (sizeBytes > maxBytes) {
          throw noRoom(`${key} has ${sizeBytes} bytes, and at most ${maxBytes} are kept (--cache-size)`);
        }
        while (usedBytes() + sizeBytes > maxBytes) {
          if (await removeOldest()) continue;
          throw noRoom(`all of the ${maxBytes} bytes that are kept (--cache-size) are in use at this time`);
        }
        while ((await freeBytes()) < neededBytes) {
          if (await removeOldest()) continue;
          throw noRoom(`${key} needs ${neededBytes} more bytes, which are not free in ${folder} (--reserve)`);
        }
        claims.set(key, { digest, sizeBytes });
      }),
    settle: (digest) =>
      turns.take(async () => {
        claims.delete(formatDigest(digest));
        const whole = await sizeOf(pathOf(digest));
        const sizeBytes = whole ?? (await sizeOf(partialOf(digest)));
        if (sizeBytes !== null) put({ digest, isWhole: whole !== null, sizeBytes });
      }),
    remove: (digest) => turns.take(() => removeFiles(digest)),
    list: () => [...kept.values()].filter(({ isWhole }) => isWhole),
  };
}
