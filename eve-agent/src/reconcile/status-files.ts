import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonText } from '../cli/json-text.ts';

/** Status documents as files: one JSON document a key, whole at any moment, written only when it changed. */
export interface StatusFiles {
  /** @returns whether it differs from what was written before */
  write(key: string, document: object): boolean;
  remove(key: string): void;
  /** Removes the files of all other keys, also those of an earlier run. */
  keepOnly(keys: ReadonlySet<string>): void;
}

const SUFFIX = '.json';

/**
 * @param folder such as `status/ContentTreeStatus`; made when it is absent
 */
export function createStatusFiles(folder: string): StatusFiles {
  const written = new Map<string, string>();
  mkdirSync(folder, { recursive: true });
  const pathOf = (key: string) => join(folder, `${key}${SUFFIX}`);
  const remove = (key: string) => {
    written.delete(key);
    rmSync(pathOf(key), { force: true });
  };
  return {
    write(key, document) {
      const text = jsonText(document);
      if (written.get(key) === text) return false;
      // Small files, a few a second at most: a round trip through a thread costs more than the write.
      const temporary = join(folder, `.${key}.new`);
      writeFileSync(temporary, text);
      renameSync(temporary, pathOf(key));
      written.set(key, text);
      return true;
    },
    remove,
    keepOnly(keys) {
      for (const name of readdirSync(folder)) {
        if (!keys.has(name.slice(0, -SUFFIX.length))) rmSync(join(folder, name), { force: true });
      }
      for (const key of written.keys()) if (!keys.has(key)) written.delete(key);
    },
  };
}
