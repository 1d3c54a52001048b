import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import type { FileVersion } from './file-version.ts';

const decimal = z.string().regex(/^-?\d{1,20}$/);
const indexSchema = z.object({
  version: z.literal(1),
  digests: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      mtimeNs: decimal,
      inode: decimal,
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

/** The digest of one version of one file. */
export interface KnownDigest {
  readonly path: string;
  readonly version: FileVersion;
  readonly sha256: string;
}

/** Where digests are remembered over restarts. */
export interface DigestIndex {
  load(): Promise<KnownDigest[]>;
  save(digests: readonly KnownDigest[]): Promise<void>;
}

/** An index in one JSON file, replaced as a whole. A file that cannot be read is set aside, never trusted. */
export function createDigestIndex(log: Log, stateDirectory: string): DigestIndex {
  const file = join(stateDirectory, 'digests.json');
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return [];
        throw error;
      }
      try {
        return indexSchema
          .parse(JSON.parse(text))
          .digests.map(({ path, sizeBytes, mtimeNs, inode, sha256 }) => ({
            path,
            version: { sizeBytes, mtimeNs: BigInt(mtimeNs), inode: BigInt(inode) },
            sha256,
          }));
      } catch (error) {
        const setAside = `${file}.unreadable`;
        await rename(file, setAside);
        log.warn(
          { file: setAside, reason: errorMessage(error) },
          'the index of digests was damaged: all files are hashed again',
        );
        return [];
      }
    },
    async save(digests) {
      const document = {
        version: 1,
        digests: digests.map(({ path, version, sha256 }) => ({
          path,
          sizeBytes: version.sizeBytes,
          mtimeNs: String(version.mtimeNs),
          inode: String(version.inode),
          sha256,
        })),
      };
      const temporary = `${file}.new`;
      const handle = await open(temporary, 'w', 0o644);
      try {
        await handle.writeFile(JSON.stringify(document));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
      const directory = await open(dirname(file), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}
