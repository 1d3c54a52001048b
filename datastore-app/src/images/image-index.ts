import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import { writeDurably } from './durable-file.ts';
import { type FileVersion, isSameVersion } from './file-version.ts';
import { createInTurn } from './in-turn.ts';

const INDEX_FILE = 'image-index.json';
const INDEX_VERSION = 1;
/** So long, and so many at most, images that are gone are remembered. */
const LONGEST_ABSENCE_MS = 30 * 86_400_000;
const MAX_ABSENT = 10_000;

/** BigInts as decimal text: JSON numbers do not hold nanoseconds. */
const bigintText = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);

const indexSchema = z.object({
  version: z.literal(INDEX_VERSION),
  images: z.record(
    z.string(),
    z.object({
      sizeBytes: z.number().int().nonnegative(),
      mtimeNs: bigintText,
      // Indexes of before the change time counted have none: it cannot be told what they are of.
      ctimeNs: bigintText.optional(),
      inode: bigintText,
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      // Indexes of before scrubbing have neither of these.
      verified: z.iso.datetime().optional(),
      isCorrupt: z.boolean().optional(),
      absentSince: z.iso.datetime().optional(),
    }),
  ),
});

/** Not of a device: its number is another after each mount, while the change time is the file's own. */
interface RememberedDigest extends Omit<FileVersion, 'device'>, Verified {
  readonly sha256: string;
  /** ISO 8601: when it was found missing; undefined: it is there. */
  readonly absentSince?: string | undefined;
}

/** When content was last read and compared with its digest. */
export interface Verified {
  /** ISO 8601; undefined: not since it is remembered. */
  readonly verified?: string | undefined;
  /** It was not what it had been. */
  readonly isCorrupt?: boolean | undefined;
}

/** The digests that were computed before, by path and version of the file. */
export interface ImageIndex {
  digestOf(path: string, version: FileVersion): string | undefined;
  /** @param verified ISO 8601: when the content was read */
  set(path: string, version: FileVersion, sha256: string, verified?: string): void;
  /** undefined: no digest of this version is known. */
  verifiedOf(path: string, version: FileVersion): Verified | undefined;
  /** Remembers what reading a file again came to, where it is still the version whose digest is known. */
  setVerified(path: string, version: FileVersion, verified: Required<Verified>): void;
  /**
   * Takes over which paths there are. What is missing is not forgotten at once: a volume may only be taken away,
   * and its images are known again by their versions.
   */
  noteSeen(paths: ReadonlySet<string>, nowMs: number): void;
  /** Takes over that another file system stands at the root. */
  noteMount(areInodesPermanent: boolean): void;
  save(): Promise<void>;
}

/**
 * Reads the index of a state directory. One that cannot be understood is set aside (as `….unreadable`) and
 * said so in the log; hashing again restores it.
 *
 * @param options.areInodesPermanent false: an image of before counts as the same when size and time are; of what
 *   this run has seen the inode counts too
 * @param options.isReadOnly leaves the state directory as it is, also when the index is not sound
 * @throws system errors other than that there is no index yet
 */
export async function loadImageIndex(
  { log }: { log: Log },
  options: { stateDirectory: string; areInodesPermanent: boolean; isReadOnly?: boolean },
): Promise<ImageIndex> {
  const { areInodesPermanent, isReadOnly = false } = options;
  const file = join(options.stateDirectory, INDEX_FILE);
  const digests = new Map<string, RememberedDigest>();
  try {
    const index = indexSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    for (const [path, { ctimeNs, ...digest }] of Object.entries(index.images)) {
      if (ctimeNs !== undefined) digests.set(path, { ...digest, ctimeNs });
    }
  } catch (error) {
    const isUnsound = error instanceof SyntaxError || error instanceof z.ZodError;
    if (!isUnsound && systemErrorCode(error) !== 'ENOENT') throw error;
    if (isUnsound) {
      const fields = { file, error: errorMessage(error) };
      if (!isReadOnly) await rename(file, `${file}.unreadable`);
      log.warn(fields, 'the image index is not sound and is set aside: all images are hashed again');
    }
  }
  /** Of these inode and change time are those of an earlier mount. */
  const renumbered = new Set(areInodesPermanent ? [] : digests.keys());

  function find(path: string, version: FileVersion): RememberedDigest | undefined {
    const digest = digests.get(path);
    if (digest === undefined) return undefined;
    const { inode, ctimeNs } = renumbered.has(path) ? version : digest;
    if (!isSameVersion({ ...digest, inode, ctimeNs, device: version.device }, version)) return undefined;
    if (renumbered.delete(path)) digests.set(path, { ...digest, inode, ctimeNs });
    return digest;
  }

  async function write(): Promise<void> {
    const images: Record<string, unknown> = Object.create(null);
    for (const [path, { mtimeNs, ctimeNs, inode, ...rest }] of digests) {
      const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
      images[path] = { ...rest, ...times, inode: String(inode) };
    }
    await writeDurably(file, `${JSON.stringify({ version: INDEX_VERSION, images })}\n`);
  }

  const inTurn = createInTurn();
  let waiting: Promise<void> | undefined;

  return {
    digestOf: (path, version) => find(path, version)?.sha256,
    verifiedOf: find,
    set(path, { sizeBytes, mtimeNs, ctimeNs, inode }, sha256, verified) {
      renumbered.delete(path);
      digests.set(path, { sizeBytes, mtimeNs, ctimeNs, inode, sha256, verified });
    },
    setVerified(path, version, { verified, isCorrupt }) {
      const digest = find(path, version);
      if (digest !== undefined) digests.set(path, { ...digest, verified, isCorrupt });
    },
    noteSeen(paths, nowMs) {
      const missing: string[] = [];
      for (const [path, digest] of digests) {
        if (paths.has(path)) {
          if (digest.absentSince !== undefined) digests.set(path, { ...digest, absentSince: undefined });
          continue;
        }
        const absentSince = digest.absentSince ?? new Date(nowMs).toISOString();
        if (nowMs - Date.parse(absentSince) > LONGEST_ABSENCE_MS) digests.delete(path);
        else {
          digests.set(path, { ...digest, absentSince });
          missing.push(path);
        }
      }
      for (const path of missing.slice(MAX_ABSENT)) digests.delete(path);
    },
    noteMount(areInodesPermanent) {
      if (!areInodesPermanent) for (const path of digests.keys()) renumbered.add(path);
    },
    save() {
      // One at a time, for all write the same new file before they rename it; what waits writes for all that
      // came meanwhile.
      waiting ??= inTurn(() => {
        waiting = undefined;
        return write();
      });
      return waiting;
    },
  };
}
