import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { DigestIndex } from './digest-index.ts';
import { type FileVersion, isSameVersion, modifiedAt } from './file-version.ts';
import { type DetectedFormat, detectFormat, HEAD_BYTES, TAIL_BYTES } from './formats.ts';
import type { FileHasher } from './hasher.ts';
import { MAX_IMAGES, type Scan } from './scan.ts';

/** An image as it is listed. */
export interface Image {
  /** Relative to the root, and its URL path without the first slash. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits; null until it is hashed. */
  readonly sha256: string | null;
  readonly state: 'hashing' | 'ready';
  /** How far hashing is. */
  readonly hashedBytes: number;
  readonly format: DetectedFormat['format'];
  readonly virtualSizeBytes: number | null;
  /** ISO 8601. */
  readonly modified: string;
}

interface Entry {
  version: FileVersion;
  sha256: string | null;
  hashedBytes: number;
  detected: DetectedFormat;
  /** A version that could not be hashed is not tried again. */
  failedVersion: FileVersion | undefined;
}

/** Knows the images below the root, and their digests. */
export interface Catalogue {
  /** Returns after the first look at the root; goes on looking until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
  list(): Image[];
  find(path: string): Image | undefined;
  /** The sha256 of exactly this version of a file, once it is known. */
  digestOf(path: string, version: FileVersion): string | undefined;
  /** Settles when the last look has ended, after an abort. */
  stopped(): Promise<void>;
}

export interface CatalogueDeps {
  readonly log: Log;
  readonly hasher: FileHasher;
  readonly index: DigestIndex;
  scan(): Promise<Scan>;
  detect(path: string, sizeBytes: number): Promise<DetectedFormat>;
  /** The absolute path of an image. */
  fileOf(path: string): string;
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const SCAN_INTERVAL_MS = 1000;
/** A root with very many files is looked at less often: looking takes at most a twentieth of the time. */
const SCAN_SHARE = 20;
/** A file that was written to this recently may not be complete. */
const SETTLE_MS = 2000;

/** Reads what tells a file's format. */
export async function detectFileFormat(file: string, sizeBytes: number): Promise<DetectedFormat> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(Math.min(HEAD_BYTES, sizeBytes));
    const tail = Buffer.alloc(Math.min(TAIL_BYTES, sizeBytes));
    await handle.read(head, 0, head.length, 0);
    await handle.read(tail, 0, tail.length, sizeBytes - tail.length);
    return detectFormat(head, tail, sizeBytes);
  } finally {
    await handle.close();
  }
}

/** Whether a file is left alone long enough to be complete, or carries a time that was set (`cp -p`, `tar`). */
export function isSettled(version: FileVersion, previous: FileVersion | undefined, nowMs: number): boolean {
  if (previous === undefined || !isSameVersion(version, previous)) return false;
  return Math.abs(nowMs - modifiedAt(version).getTime()) >= SETTLE_MS;
}

/**
 * Watches a root by looking at it every second: change notification does not work on every volume, and a
 * look at a few hundred files costs less than a millisecond.
 */
export function createCatalogue(deps: CatalogueDeps): Catalogue {
  const { log, hasher, index, now = Date.now } = deps;
  const wait = deps.wait ?? ((ms, signal) => delay(ms, undefined, { signal }).catch(() => {}));
  const entries = new Map<string, Entry>();
  /** From the index: digests of files that were not seen yet. */
  const remembered = new Map<string, { version: FileVersion; sha256: string }>();
  let previousVersions = new Map<string, FileVersion>();
  let wasCut = false;
  let running: Promise<void> = Promise.resolve();

  function toImage(path: string, entry: Entry): Image {
    return {
      path,
      sizeBytes: entry.version.sizeBytes,
      sha256: entry.sha256,
      state: entry.sha256 === null ? 'hashing' : 'ready',
      hashedBytes: entry.sha256 === null ? entry.hashedBytes : entry.version.sizeBytes,
      ...entry.detected,
      modified: modifiedAt(entry.version).toISOString(),
    };
  }

  /** Takes over what the root holds now. */
  async function look(): Promise<void> {
    const { files, isCut } = await deps.scan();
    if (isCut && !wasCut)
      log.warn({ limit: MAX_IMAGES }, 'too many images: the rest is served, but not listed');
    wasCut = isCut;
    const versions = new Map(files.map(({ path, version }) => [path, version]));
    for (const path of entries.keys()) {
      if (!versions.has(path)) {
        entries.delete(path);
        log.info({ path }, 'an image is gone');
      }
    }
    for (const { path, version } of files) {
      const entry = entries.get(path);
      if (entry !== undefined && isSameVersion(entry.version, version)) continue;
      const known = remembered.get(path);
      const sha256 = known !== undefined && isSameVersion(known.version, version) ? known.sha256 : null;
      const detected = await deps
        .detect(path, version.sizeBytes)
        .catch((): DetectedFormat => ({ format: 'raw', virtualSizeBytes: null }));
      entries.set(path, { version, sha256, hashedBytes: 0, detected, failedVersion: undefined });
      if (entry === undefined)
        log.info({ path, sizeBytes: version.sizeBytes, format: detected.format }, 'an image was found');
    }
    remembered.clear();
    previousVersions = versions;
  }

  /** Hashes one file; its digest counts only if the file is still the same afterwards. */
  async function hash(path: string, entry: Entry): Promise<void> {
    const { version } = entry;
    try {
      const sha256 = await hasher.hash(deps.fileOf(path), (hashedBytes) => {
        entry.hashedBytes = hashedBytes;
      });
      await look();
      const current = entries.get(path);
      if (current === undefined || !isSameVersion(current.version, version)) return;
      current.sha256 = sha256;
      log.info({ path, sizeBytes: version.sizeBytes, sha256 }, 'an image is ready');
    } catch (error) {
      entry.failedVersion = version;
      log.error({ path, reason: errorMessage(error) }, 'an image could not be hashed');
    }
  }

  async function save(): Promise<void> {
    const digests = [...entries].flatMap(([path, { version, sha256 }]) =>
      sha256 === null ? [] : [{ path, version, sha256 }],
    );
    try {
      await index.save(digests);
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the index of digests could not be saved');
    }
  }

  async function lookAndHash(signal: AbortSignal): Promise<void> {
    const before = previousVersions;
    try {
      await look();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the images cannot be listed');
      return;
    }
    const due = [...entries].filter(
      ([path, { version, sha256, failedVersion }]) =>
        sha256 === null && failedVersion === undefined && isSettled(version, before.get(path), now()),
    );
    for (const [path, entry] of due) {
      if (signal.aborted) return;
      await hash(path, entry);
    }
    if (due.length > 0) await save();
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
      for (const { path, version, sha256 } of await index.load()) remembered.set(path, { version, sha256 });
      await look();
      running = run(signal);
    },
    list: () =>
      [...entries].map(([path, entry]) => toImage(path, entry)).sort((a, b) => (a.path < b.path ? -1 : 1)),
    find(path) {
      const entry = entries.get(path);
      return entry && toImage(path, entry);
    },
    digestOf(path, version) {
      const entry = entries.get(path);
      return entry?.sha256 != null && isSameVersion(entry.version, version) ? entry.sha256 : undefined;
    },
    stopped: () => running,
  };
}

/** The catalogue's way to the files below a root. */
export function imageFilesBelow(root: string) {
  const fileOf = (path: string) => join(root, path);
  return { fileOf, detect: (path: string, sizeBytes: number) => detectFileFormat(fileOf(path), sizeBytes) };
}
