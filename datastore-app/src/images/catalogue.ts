// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type FileVersion, isSameButChangeTime, isSameVersion } from '../content/file-version.ts';
import type { Hasher } from '../content/hasher.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import { detectFileFormat, type Entry, type Image, toImage } from './catalogue-entry.ts';
import { describeAgain } from './describe-again.ts';
import { createEntryTable, type ImageState } from './entry-table.ts';
import { createHashSchedule } from './hash-schedule.ts';
import type { ImageIndex } from './image-index.ts';
import { listEntries } from './image-listing.ts';
import { followLinks, linkedPaths } from './linked-paths.ts';
import type { Publication } from './publication.ts';
import type { RenamedImage } from './rename-image.ts';
import { createRootIdentity } from './root-identity.ts';
import { createRootLooks } from './root-looks.ts';
import type { RootWatch } from './root-watch.ts';
import { type FoundImages, type OnDirectory, placeOf, type Scan, scanImages, scanPaths } from './scan.ts';
import { createScanMerge, MAX_IMAGES } from './scan-merge.ts';
import type { Verifiable, Verification } from './verification.ts';
import type { Writers } from './writers.ts';

export type { Image } from './catalogue-entry.ts';
export { MAX_IMAGES } from './scan-merge.ts';

/** Knows the images below the root, and their digests. */
export interface Catalogue {
  /** Returns after the first look at the root, successful or not ({@link trouble}); goes on looking until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
  list(): Image[];
  /** How many images {@link Catalogue.list} has in each state. */
  counts(): Readonly<Record<ImageState, number>>;
  /** Of all that {@link Catalogue.list} has, in no order. */
  paths(): Iterable<string>;
  /** An image whose path differs from a path in case alone; undefined: there is none, or one at the path itself. */
  caseTwinOf(path: string): string | undefined;
  /** Another one whenever {@link Catalogue.list} may say something else. */
  revision(): string;
  find(path: string): Image | undefined;
  /** The sha256 of exactly this version of a file, once it is known. */
  digestOf(path: string, version: FileVersion): string | undefined;
  /** Takes over at once that files came to be, whose digests are known. */
  notePublished(images: readonly Publication[]): Promise<void>;
  /** Takes over at once that a file, or a link to one, is gone. */
  noteRemoved(path: string): Promise<void>;
  /** Takes over at once that a file has another path: what is known of its content goes along. */
  noteRenamed(renamed: RenamedImage): Promise<void>;
  /** Takes over what reading images again came to. */
  noteVerified(verifications: readonly Verification[]): Promise<void>;
  /** The images whose digests are known. */
  verifiables(): Verifiable[];
  /** The sound container archives among them. */
  containers(): Verifiable[];
  /** Another one whenever {@link Catalogue.containers} may say something else. */
  containersRevision(): number;
  /** Whether exactly this version of a file was found to be damaged, and must not be served. */
  isCorrupt(path: string, version: FileVersion): boolean;
  /** What all images take, without those at paths that are to be replaced. */
  totalBytes(replaced?: ReadonlySet<string>): number;
  /** Why the images cannot be listed at present, as a sentence. */
  trouble(): string | undefined;
  /** Settles when the last look has ended, after an abort, and all that is known is stored. */
  stopped(): Promise<void>;
}

/** The files below a root, as the catalogue needs them. */
export interface ImageFiles {
  /** The absolute path of an image. */
  fileOf(path: string): string;
  detect(path: string, sizeBytes: number): Promise<ImageDescription>;
  scan(signal: AbortSignal, onDirectory?: OnDirectory): Promise<Scan>;
  /** Looks at some paths, and all below them. */
  scanPaths(paths: Iterable<string>, signal: AbortSignal, onDirectory?: OnDirectory): Promise<FoundImages>;
  /** Where a path really stands. */
  placeOf(path: string): Promise<string>;
  /** What tells the folder at the root, and the mounts below it, from others. */
  identity(): Promise<string>;
}

export interface CatalogueDeps extends ImageFiles {
  readonly log: Log;
  readonly hasher: Hasher;
  readonly index: ImageIndex;
  readonly watch: RootWatch;
  /** Whether files keep their inodes over a mount, on the file system that stands at the root now. */
  areInodesPermanent(): Promise<boolean>;
  /** From createWriterSearch. */
  findWriters(files: readonly FileVersion[]): Promise<Writers | undefined>;
  /** How many files are hashed at the same time; one where nothing is said. */
  readonly readsAtOnce?: number;
  readonly now?: () => number;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const LOOK_INTERVAL_MS = 1000;
/** Where much is looked at, it is looked less often: looking takes at most a twentieth of the time. */
const LOOK_SHARE = 20;
const LONGEST_INTERVAL_MS = 60_000;

/**
 * Composes what knows the images: a table of them, looks at the root that keep it true, and the schedule by which
 * they are hashed. Every second it is looked at what the kernel told of, or, where it does not tell, at the root.
 */
export function createCatalogue(deps: CatalogueDeps): Catalogue {
  const { log, hasher, index, now = Date.now, elapsed = () => performance.now() } = deps;
  const wait = deps.wait ?? ((ms, signal) => delay(ms, undefined, { signal }).catch(() => {}));
  const table = createEntryTable();
  /** Digests of these are known before the files are listed. */
  const published = new Set<string>();
  let running: Promise<unknown> = Promise.resolve();

  const looks = createRootLooks({
    ...{ log, watch: deps.watch, scan: deps.scan, scanPaths: deps.scanPaths, identity: deps.identity },
    merge: createScanMerge({ log, table, index, detect: deps.detect, elapsed }),
    elapsed,
    noteMount: async () => index.noteMount(await deps.areInodesPermanent()),
    *untold() {
      for (const [path, { isSettled }] of table.unhashed) if (!isSettled) yield path;
      yield* table.withOtherNames();
    },
  });

  async function save(write = index.save): Promise<void> {
    if (index.isRewriteDue()) index.noteSeen(new Set([...table.entries.keys(), ...published]), now());
    try {
      await write();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the index of images could not be saved');
    }
  }

  const hashing = createHashSchedule(
    {
      log,
      hasher,
      index,
      table,
      now,
      elapsed,
      fileOf: deps.fileOf,
      findWriters: deps.findWriters,
      save: () => save(),
    },
    { atOnce: deps.readsAtOnce ?? 1 },
  );

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now();
      if (await looks.next(signal)) await hashing.advance(signal);
      const tookMs = performance.now() - startedMs;
      await wait(Math.max(LOOK_INTERVAL_MS, Math.min(tookMs * LOOK_SHARE, LONGEST_INTERVAL_MS)), signal);
    }
  }

  /** The entry of exactly this version of a file; whoever has another in hand knows more than we do. */
  function entryOf(path: string, version: FileVersion) {
    const entry = table.entries.get(path);
    if (entry !== undefined && isSameVersion(entry.version, version)) return entry;
    looks.suspect(path);
    return undefined;
  }

  async function notePublished(images: readonly Publication[]): Promise<void> {
    const placed = await Promise.all(
      images.map(async (image) => ({ ...image, path: await deps.placeOf(image.path) })),
    );
    for (const { path, version, sha256 } of placed) {
      published.add(path);
      index.set(path, version, sha256, new Date(now()).toISOString());
    }
    try {
      await looks.at(placed.map(({ path }) => path));
      for (const { path } of placed) {
        const entry = table.entries.get(path);
        if (entry !== undefined) index.describe(path, entry.version, entry.detected);
      }
      await save();
    } finally {
      for (const { path } of placed) published.delete(path);
    }
  }

  return {
    async start(signal) {
      await looks.next(signal);
      const describing = describeAgain({ table, index, detect: deps.detect, elapsed, wait }, signal);
      running = Promise.all([run(signal), describing]);
    },
    list: () => listEntries(table.entries, table.links),
    counts: table.counts,
    *paths() {
      yield* table.entries.keys();
      for (const [path] of linkedPaths(table.links, table.entries)) yield path;
    },
    caseTwinOf: table.caseTwinOf,
    revision: table.revision,
    find(path) {
      const file = followLinks(path, table.links);
      const entry = table.entries.get(file);
      return entry && { ...toImage(path, entry), ...(file !== path && { linkTo: file }) };
    },
    digestOf: (path, version) => entryOf(path, version)?.sha256 ?? undefined,
    notePublished,
    async noteRemoved(path) {
      await looks.at([await deps.placeOf(path)]);
    },
    async noteRenamed({ path, to, version }) {
      const from = await deps.placeOf(path);
      const before = table.entries.get(from);
      const sha256 = before?.sha256 ?? undefined;
      // A name moves the change time, and nothing of the content.
      const isSame = before !== undefined && isSameButChangeTime(before.version, version);
      if (sha256 !== undefined && isSame && !before.isCorrupt) {
        await notePublished([{ path: to, version, sha256 }]);
        await looks.at([from]);
      } else await looks.at([from, await deps.placeOf(to)]);
    },
    async noteVerified(verifications) {
      for (const { path, version, verified, isCorrupt } of verifications) {
        index.setVerified(path, version, { verified, isCorrupt });
        const entry = table.entries.get(path);
        if (entry === undefined || !isSameVersion(entry.version, version) || entry.sha256 === null) continue;
        if (isCorrupt && !entry.isCorrupt) {
          log.error(
            { path, sha256: entry.sha256 },
            'an image is corrupt and is not served any more: replace it',
          );
        }
        if (!isCorrupt && entry.isCorrupt) log.warn({ path }, 'an image reads well again and is served');
        table.change(path, entry, { verified, isCorrupt });
      }
      await save();
    },
    verifiables: () => verifiablesOf(table.entries),
    containers: () => verifiablesOf(table.containers),
    containersRevision: table.containersRevision,
    isCorrupt: (path, version) => entryOf(path, version)?.isCorrupt === true,
    totalBytes: table.totalBytes,
    trouble: looks.trouble,
    async stopped() {
      await running;
      await hashing.finished();
      looks.stop();
      await save(index.close);
    },
  };
}

function verifiablesOf(entries: ReadonlyMap<string, Entry>): Verifiable[] {
  return [...entries].flatMap(([path, { version, sha256, verified }]) =>
    sha256 === null ? [] : [{ path, version, digest: { algorithm: 'sha256', hex: sha256 }, verified }],
  );
}

/** The absolute path of an image. */
export const fileBelow =
  (root: string): ImageFiles['fileOf'] =>
  (path) =>
    join(root, path);

/**
 * The catalogue's way to the files below a root.
 *
 * @param root without symbolic links
 * @param parser tells what they are
 */
export function imageFilesBelow(root: string, parser: FileParser): ImageFiles {
  const fileOf = fileBelow(root);
  return {
    fileOf,
    detect: (path, sizeBytes) => detectFileFormat(parser, fileOf(path), sizeBytes),
    scan: (signal, onDirectory) => scanImages(root, MAX_IMAGES, signal, onDirectory),
    scanPaths: (paths, signal, onDirectory) => scanPaths(root, paths, MAX_IMAGES, signal, onDirectory),
    placeOf: (path) => placeOf(root, path),
    identity: createRootIdentity(root),
  };
}
