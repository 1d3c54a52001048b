import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { ImageDescription } from '../formats/image-description.ts';
import { detectFileFormat, type Entry, type Image, toImage } from './catalogue-entry.ts';
import { type FileVersion, isSameVersion } from './file-version.ts';
import { createHashQueue } from './hash-queue.ts';
import type { Hasher } from './hasher.ts';
import type { ImageIndex } from './image-index.ts';
import { listEntries } from './image-listing.ts';
import type { Publication } from './publication.ts';
import type { Scan } from './scan.ts';
import { beginGrowth, isComplete } from './settling.ts';
import { takenBytes } from './taken-bytes.ts';
import type { Verifiable, Verification } from './verification.ts';
import type { Writers } from './writers.ts';

export type { Image } from './catalogue-entry.ts';

/** What is listed at most; more is served, but neither hashed nor listed. */
export const MAX_IMAGES = 100_000;

/** Knows the images below the root, and their digests. */
export interface Catalogue {
  /** Returns after the first look at the root, successful or not ({@link trouble}); goes on looking until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
  list(): Image[];
  /** Another one whenever {@link Catalogue.list} may say something else. */
  revision(): string;
  find(path: string): Image | undefined;
  /** The sha256 of exactly this version of a file, once it is known. */
  digestOf(path: string, version: FileVersion): string | undefined;
  /** Takes over at once that files came to be, whose digests are known. */
  notePublished(images: readonly Publication[]): Promise<void>;
  /** Takes over at once that a file is gone. */
  noteRemoved(): Promise<void>;
  /** Takes over what reading images again came to. */
  noteVerified(verifications: readonly Verification[]): Promise<void>;
  /** The images whose digests are known. */
  verifiables(): Verifiable[];
  /** Whether exactly this version of a file was found to be damaged, and must not be served. */
  isCorrupt(path: string, version: FileVersion): boolean;
  /** What all images take, without those at paths that are to be replaced. */
  totalBytes(replaced?: ReadonlySet<string>): number;
  /** Why the images cannot be listed at present, as a sentence. */
  trouble(): string | undefined;
  /** Settles when the last look has ended, after an abort, and all that is known is stored. */
  stopped(): Promise<void>;
}

export interface CatalogueDeps {
  readonly log: Log;
  readonly hasher: Hasher;
  readonly index: ImageIndex;
  scan(signal: AbortSignal): Promise<Scan>;
  detect(path: string, sizeBytes: number): Promise<ImageDescription>;
  /** The absolute path of an image. */
  fileOf(path: string): string;
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

const SCAN_INTERVAL_MS = 1000;
/** A root with very many files is looked at less often: looking takes at most a twentieth of the time. */
const SCAN_SHARE = 20;
const NEVER = new AbortController().signal;

/** A file that could not be hashed is tried again, at first soon. */
const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 600_000;

/**
 * Watches a root by looking at it every second: change notification does not work on every volume, and a
 * look at a few hundred files costs less than a millisecond.
 */
export function createCatalogue(deps: CatalogueDeps): Catalogue {
  const { log, hasher, index, now = Date.now, elapsed = () => performance.now() } = deps;
  const wait = deps.wait ?? ((ms, signal) => delay(ms, undefined, { signal }).catch(() => {}));
  const entries = new Map<string, Entry>();
  let links: ReadonlyMap<string, string> = new Map();
  let rootDevice: bigint | undefined;
  let isFirstLook = true;
  /** Of this process, and then counted: what a client remembers of another process never fits. */
  const firstRevision = randomUUID();
  let changes = 0;
  let looking: Promise<void> = Promise.resolve();
  /** Digests of these are known before the files are listed. */
  const published = new Set<string>();
  let wasTruncated = false;
  let trouble: string | undefined;
  let running: Promise<void> = Promise.resolve();

  /** Takes over what the root holds now. One look at a time: an older one must not undo a newer. */
  function look(signal: AbortSignal): Promise<void> {
    const next = looking.then(() => lookNow(signal));
    looking = next.catch(() => {});
    return next;
  }

  /** A volume that was mounted or taken away is said so; its digests are remembered until it is back. */
  async function noteDevice(device: bigint): Promise<void> {
    if (rootDevice !== undefined && rootDevice !== device) {
      log.warn({}, 'another file system stands at the root: a volume was mounted, or taken away');
      index.noteMount(await deps.areInodesPermanent());
    }
    rootDevice = device;
  }

  async function lookNow(signal: AbortSignal): Promise<void> {
    const { files, isTruncated, device, ...scanned } = await deps.scan(signal);
    await noteDevice(device);
    if (!isDeepStrictEqual(links, scanned.links)) {
      links = scanned.links;
      changes += 1;
    }
    if (isTruncated && !wasTruncated)
      log.warn({ limit: MAX_IMAGES }, 'too many images: the rest is served, but not listed');
    wasTruncated = isTruncated;
    const versions = new Map(files.map(({ path, version }) => [path, version]));
    for (const path of entries.keys()) {
      if (!versions.has(path)) {
        entries.delete(path);
        changes += 1;
        log.info({ path }, 'an image is gone');
      }
    }
    for (const { path, version } of files) {
      const entry = entries.get(path);
      if (entry !== undefined && isSameVersion(entry.version, version)) {
        // A look may have come between a file and the news of it.
        if (entry.sha256 === null && index.digestOf(path, version) !== undefined) {
          changes += 1;
          entry.sha256 = index.digestOf(path, version) ?? null;
          entry.verified = index.verifiedOf(path, version)?.verified ?? null;
        }
        entry.growth = { ...entry.growth, looks: entry.growth.looks + 1 };
        continue;
      }
      const sha256 = index.digestOf(path, version) ?? null;
      const detected = await deps
        .detect(path, version.sizeBytes)
        .catch(
          (): ImageDescription => ({ format: 'raw', content: 'raw', virtualSizeBytes: null, problems: [] }),
        );
      const { verified = null, isCorrupt = false } = index.verifiedOf(path, version) ?? {};
      changes += 1;
      entries.set(path, {
        ...{ version, sha256, hashedBytes: 0, verified, isCorrupt, isSettled: false },
        growth: beginGrowth(version, entry, elapsed(), isFirstLook),
        ...{ detected, failures: 0, retryAtMs: 0 },
      });
      if (entry === undefined)
        log.info({ path, sizeBytes: version.sizeBytes, format: detected.format }, 'an image was found');
    }
    isFirstLook = false;
  }

  /** Hashes one file. */
  async function hash(path: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const { version } = entry;
    const outcome = await hasher.hash(deps.fileOf(path), version, (hashedBytes) => {
      entry.hashedBytes = hashedBytes;
      changes += 1;
    });
    if (signal.aborted) return;
    if (outcome.kind === 'failed') {
      entry.failures += 1;
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (entry.failures - 1), LONGEST_RETRY_MS);
      entry.retryAtMs = now() + retryMs;
      log.error({ path, reason: outcome.reason, retryMs }, 'an image could not be hashed');
    } else if (outcome.kind === 'hashed' && entries.get(path) === entry) {
      entry.sha256 = outcome.sha256;
      entry.verified = new Date(now()).toISOString();
      changes += 1;
      index.set(path, version, outcome.sha256, entry.verified);
      log.info({ path, sizeBytes: version.sizeBytes, sha256: outcome.sha256 }, 'an image is ready');
    }
  }

  async function save(write = index.save): Promise<void> {
    if (index.isRewriteDue()) index.noteSeen(new Set([...entries.keys(), ...published]), now());
    try {
      await write();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the index of images could not be saved');
    }
  }

  const queue = createHashQueue(
    {
      // Replaced or removed while it waited, or its digest came by another way.
      isDue: ([path, entry]) => entries.get(path) === entry && entry.sha256 === null,
      hash: ([path, entry], signal) => hash(path, entry, signal),
      save: () => save(),
      elapsed,
    },
    { atOnce: deps.readsAtOnce ?? 1 },
  );

  /** @returns whether the root could be looked at; {@link trouble} says why not */
  async function tryLook(signal: AbortSignal): Promise<boolean> {
    try {
      await look(signal);
      if (trouble !== undefined) log.info({}, 'the images can be listed again');
      trouble = undefined;
      return true;
    } catch (error) {
      const reason = `the images cannot be listed: ${errorMessage(error)}`;
      if (reason !== trouble && !signal.aborted) log.error({}, reason);
      trouble = reason;
      return false;
    }
  }

  /** Finds out which files are complete. */
  async function judgeGrowing(): Promise<void> {
    const growing = [...entries.values()].filter(({ sha256, isSettled }) => sha256 === null && !isSettled);
    const writers = growing.length > 0 && (await deps.findWriters(growing.map(({ version }) => version)));
    if (!writers) return;
    const clocks = { elapsedMs: elapsed(), nowMs: now() };
    for (const entry of growing) {
      const writer = writers.of(entry.version);
      if (writer === 'open') entry.growth = { ...entry.growth, hadWriter: true };
      if (!isComplete(entry.version, entry.growth, writer, clocks)) continue;
      entry.isSettled = true;
      changes += 1;
    }
  }

  /** Takes over what the root holds, and begins to hash what is due: hashing does not delay the next look. */
  async function lookAndHash(signal: AbortSignal): Promise<void> {
    if (!(await tryLook(signal))) return;
    await judgeGrowing();
    if (signal.aborted) return;
    const due = [...entries].filter(
      ([, { sha256, isSettled, retryAtMs }]) => sha256 === null && isSettled && now() >= retryAtMs,
    );
    queue.refill(due, signal);
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now();
      await lookAndHash(signal);
      const tookMs = performance.now() - startedMs;
      await wait(Math.max(SCAN_INTERVAL_MS, Math.min(tookMs * SCAN_SHARE, 60_000)), signal);
    }
  }

  return {
    async start(signal) {
      await tryLook(signal);
      running = run(signal);
    },
    list: () => listEntries(entries, links),
    revision: () => `${firstRevision}-${changes}`,
    find(path) {
      const linkTo = links.get(path);
      const entry = entries.get(linkTo ?? path);
      return entry && { ...toImage(path, entry), ...(linkTo !== undefined && { linkTo }) };
    },
    digestOf(path, version) {
      const entry = entries.get(path);
      return entry?.sha256 != null && isSameVersion(entry.version, version) ? entry.sha256 : undefined;
    },
    async notePublished(images) {
      for (const { path, version, sha256 } of images) {
        published.add(path);
        index.set(path, version, sha256, new Date(now()).toISOString());
      }
      try {
        await tryLook(NEVER);
        await save();
      } finally {
        for (const { path } of images) published.delete(path);
      }
    },
    async noteRemoved() {
      await tryLook(NEVER);
    },
    async noteVerified(verifications) {
      for (const { path, version, verified, isCorrupt } of verifications) {
        index.setVerified(path, version, { verified, isCorrupt });
        const entry = entries.get(path);
        if (entry === undefined || !isSameVersion(entry.version, version) || entry.sha256 === null) continue;
        if (isCorrupt && !entry.isCorrupt) {
          log.error(
            { path, sha256: entry.sha256 },
            'an image is corrupt and is not served any more: replace it',
          );
        }
        if (!isCorrupt && entry.isCorrupt) log.warn({ path }, 'an image reads well again and is served');
        changes += 1;
        entry.verified = verified;
        entry.isCorrupt = isCorrupt;
      }
      await save();
    },
    verifiables: () =>
      [...entries].flatMap(([path, { version, sha256, verified }]) =>
        sha256 === null ? [] : [{ path, version, sha256, verified }],
      ),
    isCorrupt(path, version) {
      const entry = entries.get(path);
      return entry?.isCorrupt === true && isSameVersion(entry.version, version);
    },
    totalBytes: (replaced) => takenBytes(entries, replaced),
    trouble: () => trouble,
    async stopped() {
      await running;
      await queue.finished();
      await save(index.close);
    },
  };
}

/** The catalogue's way to the files below a root. */
export function imageFilesBelow(root: string) {
  const fileOf = (path: string) => join(root, path);
  return { fileOf, detect: (path: string, sizeBytes: number) => detectFileFormat(fileOf(path), sizeBytes) };
}
