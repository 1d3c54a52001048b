import { lstat, mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** Content by its digest, whole and verified, as much of it as may be kept. */
export interface BlobCache {
  /** Makes the folder. */
  open(): Promise<void>;
  /** Where the content of a sha256 stands, or is to stand. */
  pathOf(hex: string): string;
  /** @returns its size; null: it is not here */
  find(hex: string): Promise<{ readonly sizeBytes: number } | null>;
  /** Removes what was asked for the longest time ago, as far as there is too much. @param isKept what stays whatever happens */
  trim(isKept: (hex: string) => boolean): Promise<void>;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** @param maxBytes how much is kept */
export function createBlobCache(folder: string, maxBytes: number): BlobCache {
  const blobs = join(folder, 'blobs', 'sha256');
  const pathOf = (hex: string) => join(blobs, hex);
  return {
    async open() {
      await mkdir(blobs, { recursive: true });
    },
    pathOf,
    async find(hex) {
      const facts = await lstat(pathOf(hex)).catch(() => null);
      if (facts === null || !facts.isFile()) return null;
      const now = new Date();
      // What stays is told by this.
      await utimes(pathOf(hex), now, now).catch(() => {});
      return { sizeBytes: facts.size };
    },
    async trim(isKept) {
      const names = (await readdir(blobs)).filter((name) => SHA256.test(name));
      const facts = await Promise.all(
        names.map(async (hex) => ({ hex, facts: await lstat(pathOf(hex)).catch(() => null) })),
      );
      const files = facts.flatMap(({ hex, facts: each }) =>
        each === null ? [] : [{ hex, sizeBytes: each.size, usedMs: each.mtimeMs }],
      );
      files.sort((left, right) => left.usedMs - right.usedMs);
      let excess = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, -maxBytes);
      for (const { hex, sizeBytes } of files) {
        if (excess <= 0) return;
        if (isKept(hex)) continue;
        await rm(pathOf(hex), { force: true });
        excess -= sizeBytes;
      }
    },
  };
}
