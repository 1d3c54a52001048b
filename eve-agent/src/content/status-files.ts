// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { makeFolderSync } from '@local-datastore/shared/files/make-folder';
import { jsonText } from '@local-datastore/shared/text/json-text';

/** Status documents as files: one JSON document a key, whole at any moment, written only when it changed. */
export interface StatusFiles {
  /**
   * What the disk does not take now, as when it is full, is kept for `flush`.
   *
   * @returns whether it differs from what was written before
   */
  write(key: string, document: object): boolean;
  /** Writes what could not be written. @returns the system's error when some of it still cannot; null: none is left */
  flush(): Error | null;
  remove(key: string): void;
  /** Removes the files of all other keys, also those of an earlier run. */
  keepOnly(keys: ReadonlySet<string>): void;
}

const SUFFIX = '.json';

/** What an earlier run wrote: most of it still holds after a restart, and reading costs less than writing. */
function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** None where the folder is gone. Folders in it, such as `lost+found`, are nobody's status. */
function listFiles(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * @param folder such as `status/ContentTreeStatus`; made when it is absent
 */
export function createStatusFiles(folder: string): StatusFiles {
  /** The last document of each key, whether it is on the disk or not. */
  const texts = new Map<string, string>();
  const unwritten = new Set<string>();
  /** File names that could not be removed. */
  const unremoved = new Set<string>();
  makeFolderSync(folder);
  const makeAgain = () => {
    try {
      makeFolderSync(folder);
    } catch {
      // What is written there says why not.
    }
  };
  const pathOf = (key: string) => join(folder, `${key}${SUFFIX}`);
  const put = (key: string, text: string): Error | null => {
    // Small files, a few a second at most: a round trip through a thread costs more than the write.
    const temporary = join(folder, `.${key}.new`);
    try {
      writeFileSync(temporary, text);
      renameSync(temporary, pathOf(key));
      unwritten.delete(key);
      unremoved.delete(`${key}${SUFFIX}`);
      return null;
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      unwritten.add(key);
      return error as Error;
    }
  };
  const drop = (name: string): Error | null => {
    try {
      rmSync(join(folder, name), { force: true });
      unremoved.delete(name);
      return null;
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      unremoved.add(name);
      return error as Error;
    }
  };
  const forget = (key: string) => {
    texts.delete(key);
    unwritten.delete(key);
  };
  return {
    write(key, document) {
      const text = jsonText(document);
      if (texts.get(key) === text) return false;
      const isOnDisk = !texts.has(key) && text === readIfThere(pathOf(key));
      texts.set(key, text);
      if (!isOnDisk) put(key, text);
      return true;
    },
    flush() {
      // Somebody may have removed it with all that was in it.
      if (unwritten.size > 0) makeAgain();
      for (const key of [...unwritten]) {
        const error = put(key, texts.get(key) ?? '');
        if (error !== null) return error;
      }
      for (const name of [...unremoved]) {
        const error = drop(name);
        if (error !== null) return error;
      }
      return null;
    },
    remove(key) {
      forget(key);
      drop(`${key}${SUFFIX}`);
    },
    keepOnly(keys) {
      const names = new Set(listFiles(folder));
      for (const name of names) if (!keys.has(name.slice(0, -SUFFIX.length))) drop(name);
      for (const key of [...texts.keys()]) {
        if (!keys.has(key)) forget(key);
        else if (!names.has(`${key}${SUFFIX}`)) unwritten.add(key);
      }
    },
  };
}
