// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import { type FileVersion, isSameButChangeTime, isSameVersion } from '../content/file-version.ts';
import { createInTurn } from '../content/in-turn.ts';
import { FORMAT_PROBLEM_CODES, IMAGE_FORMATS, type ImageDescription } from '../formats/image-description.ts';
import { type IndexRow, indexText, readIndex } from './index-file.ts';
import { createIndexJournal, type IndexJournal } from './index-journal.ts';
import { createInterner } from './interner.ts';

const INDEX_FILE = 'image-index.json';
const JOURNAL_FILE = 'image-index.journal';
const INDEX_VERSION = 1;
/** The index is written anew when its journal is as long as it, but not for less than this. */
const LEAST_JOURNAL_BYTES = 64 * 1024;
const NO_DEVICE = 0n;
/** Between the index and its journal another process may write both anew. */
const MAX_READS = 5;
/** So long, and so many at most, images that are gone are remembered. */
const LONGEST_ABSENCE_MS = 30 * 86_400_000;
const MAX_ABSENT = 10_000;

/** BigInts as decimal text: JSON numbers do not hold nanoseconds. */
const bigintText = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);

const descriptionSchema = z.object({
  format: z.enum(IMAGE_FORMATS),
  content: z.string(),
  virtualSizeBytes: z.number().int().nonnegative().nullable(),
  problems: z.array(z.object({ code: z.enum(FORMAT_PROBLEM_CODES), message: z.string() })),
});

const digestSchema = z.object({
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
  // Made anew where it is missing, or of another program.
  description: descriptionSchema.optional().catch(undefined),
});

const headSchema = z.object({ version: z.literal(INDEX_VERSION), stateId: z.string().optional() });

const recordSchema = z.tuple([z.string(), digestSchema]);

/** What is known of an image that was read. */
interface Remembered extends Verified {
  /** Its device is not: that has another number after each mount, while the change time is the file's own. */
  readonly version: FileVersion;
  readonly sha256: string;
  readonly description?: ImageDescription | undefined;
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
  /** What this version was found to be; undefined: that is not known, or its digest is not. */
  descriptionOf(path: string, version: FileVersion): ImageDescription | undefined;
  /** Remembers what a version is, where its digest is known. */
  describe(path: string, version: FileVersion, description: ImageDescription): void;
  /** undefined: no digest of this version is known. */
  verifiedOf(path: string, version: FileVersion): Verified | undefined;
  /**
   * The digest that a file had before it was found to be damaged, if nothing but its change time is another by now: a
   * new owner, mode or name mends nothing.
   */
  soundDigestOf(path: string, version: FileVersion): string | undefined;
  /** Remembers what reading a file again came to, where it is still the version whose digest is known. */
  setVerified(path: string, version: FileVersion, verified: Required<Verified>): void;
  /** Whether {@link save} is going to write all that is known, and not only what changed. */
  isRewriteDue(): boolean;
  /**
   * Takes over which paths there are, before all is written. What is missing is not forgotten at once: a volume may only be taken away,
   * and its images are known again by their versions.
   */
  noteSeen(paths: ReadonlySet<string>, nowMs: number): void;
  /** Takes over that another file system stands at the root. */
  noteMount(areInodesPermanent: boolean): void;
  /** Brings what changed to the disk; from then on it survives a power cut. */
  save(): Promise<void>;
  /** {@link save}, into the one file that programs of before the journal read too. */
  close(): Promise<void>;
}

/** What is stored, as it was read. */
interface Stored {
  readonly digests: Map<string, Remembered>;
  /** Names this state of the index, to which a journal belongs; undefined: there is none to append to. */
  readonly stateId: string | undefined;
  readonly indexBytes: number;
  /** 0: there is no journal yet. */
  readonly journalBytes: number;
}

/**
 * @param isOwn no other process writes to it
 * @throws SyntaxError or ZodError where the index is not sound; system errors, also where there is none
 */
async function readStored(file: string, journal: IndexJournal, isOwn: boolean): Promise<Stored> {
  const digests = new Map<string, Remembered>();
  // Most are alike.
  const descriptions = createInterner<ImageDescription>();
  const take = (path: string, stored: z.infer<typeof digestSchema>) => {
    const { sizeBytes, mtimeNs, ctimeNs, inode, sha256, verified, isCorrupt, absentSince } = stored;
    if (ctimeNs === undefined) return;
    const description = stored.description && descriptions(stored.description);
    const version = { sizeBytes, mtimeNs, ctimeNs, inode, device: NO_DEVICE };
    digests.set(path, { version, sha256, verified, isCorrupt, description, absentSince });
  };
  const readRows = async () => {
    digests.clear();
    const takeRow = ([path, image]: IndexRow) => take(path, digestSchema.parse(image));
    return headSchema.parse(await readIndex(file, takeRow)).stateId;
  };
  for (let reads = 1; ; reads += 1) {
    const stateId = await readRows();
    const changes = stateId === undefined ? undefined : await journal.read(stateId);
    // There is no journal, or it is of an index that was written after this one was read.
    const isInDoubt = !isOwn && stateId !== undefined && changes === undefined;
    if (isInDoubt && reads < MAX_READS && (await readRows()) !== stateId) continue;
    for (const record of changes?.records ?? []) take(...recordSchema.parse(record));
    return {
      digests,
      stateId: changes?.isSound === false ? undefined : stateId,
      indexBytes: (await stat(file)).size,
      journalBytes: changes?.sizeBytes ?? 0,
    };
  }
}

function toRecord({ version, ...rest }: Remembered): Record<string, unknown> {
  const { sizeBytes, mtimeNs, ctimeNs, inode } = version;
  const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
  return { sizeBytes, ...times, inode: String(inode), ...rest };
}

function* rowsOf(digests: ReadonlyMap<string, Remembered>): Generator<IndexRow> {
  for (const [path, digest] of digests) yield [path, toRecord(digest)];
}

/**
 * Reads the index of a state directory, and the journal of what changed since it was written: to write all of it
 * at each change would cost more with every image. One that cannot be understood is set aside (as `….unreadable`) and
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
  const journal = createIndexJournal(join(options.stateDirectory, JOURNAL_FILE));
  let stored: Stored = { digests: new Map(), stateId: undefined, indexBytes: 0, journalBytes: 0 };
  try {
    stored = await readStored(file, journal, !isReadOnly);
  } catch (error) {
    const isUnsound = error instanceof SyntaxError || error instanceof z.ZodError;
    if (!isUnsound && systemErrorCode(error) !== 'ENOENT') throw error;
    if (isUnsound) {
      const fields = { file, error: errorMessage(error) };
      if (!isReadOnly) await rename(file, `${file}.unreadable`);
      log.warn(fields, 'the image index is not sound and is set aside: all images are hashed again');
    }
  }
  const { digests } = stored;
  let { stateId, indexBytes, journalBytes } = stored;
  /** Paths of which something is not stored yet. */
  const changed = new Set<string>();
  /** Of these inode and change time are those of an earlier mount. */
  const renumbered = new Set(areInodesPermanent ? [] : digests.keys());

  function find(path: string, version: FileVersion): Remembered | undefined {
    const digest = digests.get(path);
    if (digest === undefined) return undefined;
    const { inode, ctimeNs } = renumbered.has(path) ? version : digest.version;
    const known = { ...digest.version, inode, ctimeNs, device: version.device };
    if (!isSameVersion(known, version)) return undefined;
    renumbered.delete(path);
    // The caller keeps it, too: so it is there once.
    if (digest.version !== version) digests.set(path, { ...digest, version });
    return digest;
  }

  const isRewriteDue = () =>
    stateId === undefined || journalBytes >= Math.max(indexBytes, LEAST_JOURNAL_BYTES);

  async function rewrite(): Promise<void> {
    const nextId = randomUUID();
    await writeDurably(file, indexText({ version: INDEX_VERSION, stateId: nextId }, rowsOf(digests)));
    stateId = nextId;
    indexBytes = (await stat(file)).size;
    journalBytes = 0;
    // Of the state before: nobody reads it any more.
    await journal.remove();
  }

  /** @returns whether the journal holds these by now; false: it cannot be appended to */
  async function append(owner: string, paths: readonly string[]): Promise<boolean> {
    if (paths.length === 0) return true;
    const records = paths.flatMap((path) => {
      const digest = digests.get(path);
      return digest === undefined ? [] : [[path, toRecord(digest)]];
    });
    try {
      journalBytes += await journal.append(owner, records, journalBytes === 0);
      return true;
    } catch {
      // It may end in half a line now, behind which nothing would be read.
      stateId = undefined;
      return false;
    }
  }

  async function write(isLast: boolean): Promise<void> {
    const isStored = journalBytes === 0 && changed.size === 0;
    if (isLast && isStored) return;
    const paths = [...changed];
    changed.clear();
    if (!isLast && stateId !== undefined && !isRewriteDue() && (await append(stateId, paths))) return;
    try {
      await rewrite();
    } catch (error) {
      for (const path of paths) changed.add(path);
      throw error;
    }
  }

  const inTurn = createInTurn();
  let waiting: Promise<void> | undefined;

  return {
    digestOf: (path, version) => find(path, version)?.sha256,
    verifiedOf: find,
    soundDigestOf(path, version) {
      const digest = digests.get(path);
      if (digest?.isCorrupt !== true) return undefined;
      const known = { ...digest.version, device: version.device };
      return isSameButChangeTime(known, version) ? digest.sha256 : undefined;
    },
    descriptionOf: (path, version) => find(path, version)?.description,
    describe(path, version, description) {
      const known = find(path, version);
      if (known === undefined || isDeepStrictEqual(known.description, description)) return;
      changed.add(path);
      digests.set(path, { ...known, version, description });
    },
    set(path, version, sha256, verified) {
      renumbered.delete(path);
      changed.add(path);
      digests.set(path, { version, sha256, verified });
    },
    setVerified(path, version, { verified, isCorrupt }) {
      const digest = find(path, version);
      if (digest === undefined) return;
      changed.add(path);
      digests.set(path, { ...digest, version, verified, isCorrupt });
    },
    isRewriteDue,
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
        return write(false);
      });
      return waiting;
    },
    close: () => inTurn(() => write(true)),
  };
}
