// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';

/** What some files say together, read again when they change. */
export interface ReloadedFiles<Content> {
  /** What they said when they were opened. */
  readonly first: Content;
  /**
   * Looks whether they changed, and reads them if so. One look at a time.
   *
   * @param take is given what they say now, and makes use of it; where it throws, what they say cannot be used
   * @returns whether it was taken
   */
  look(take: (content: Content) => void): Promise<boolean>;
}

export interface ReloadedFilesOptions<Content> {
  /** Reads them all, and sees that they fit together. */
  read(): Content | Promise<Content>;
  /** Is told once of what cannot be used; what was taken before stays. */
  onUnusable(error: unknown): void;
}

/**
 * What changes with every change of a file, by a rename or in place, also behind a symbolic link. It is looked at again
 * and again, mostly in vain: a thread to do it would cost many times as much.
 */
function signatureOf(file: string): string {
  try {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return 'none';
    const { dev, ino, size, mtimeNs, ctimeNs } = stats;
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch (error) {
    return `! ${systemErrorCode(error)}`;
  }
}

/**
 * Reads files that belong together, and notices when they change. What cannot be used is doubted at first, until it
 * is the same at the next look: a certificate may come a moment before its key.
 *
 * @param files which may be absent, where `read` can do without
 * @throws what `read` throws the first time
 */
export async function openReloadedFiles<Content>(
  files: readonly string[],
  { read, onUnusable }: ReloadedFilesOptions<Content>,
): Promise<ReloadedFiles<Content>> {
  const sign = () => files.map(signatureOf).join(';');
  // Noted before they are read: what is written meanwhile is another change.
  let seen = sign();
  const first = await read();
  let doubted: string | undefined;
  return {
    first,
    async look(take) {
      const now = sign();
      if (now === seen) {
        doubted = undefined;
        return false;
      }
      try {
        take(await read());
      } catch (error) {
        if (now !== doubted) {
          doubted = now;
          return false;
        }
        seen = now;
        doubted = undefined;
        onUnusable(error);
        return false;
      }
      seen = now;
      doubted = undefined;
      return true;
    },
  };
}
