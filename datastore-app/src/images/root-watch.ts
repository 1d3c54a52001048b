// SPDX-License-Identifier: Apache-2.0
import { readFileSync, watch as watchDirectory } from 'node:fs';
import { basename, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { isImagePath, isWithin } from './image-path.ts';

/** What changed below the root, as the kernel tells. */
export interface RootChanges {
  /** More than can be named, or notifications were lost: everything must be looked at. */
  readonly isEverything: boolean;
  /** Relative to the root. */
  readonly paths: ReadonlySet<string>;
  /** Something came, went or was renamed: links may lead elsewhere. */
  readonly areNames: boolean;
}

/** A part of the root that is watched anew. */
export interface WatchRound {
  /** To be called for each directory before it is listed: what comes between would not be noticed. */
  add(directory: string): Promise<void>;
  /** To be called when all are added: those that were not are watched no longer. */
  end(): void;
}

/** Has the kernel tell what changes in the directories of a root. */
export interface RootWatch {
  /** Watches everything at and below some paths anew, never through what stood there before. */
  renew(paths: Iterable<string>): WatchRound;
  /** What changed since this was called last. */
  take(): RootChanges;
  /** Adds a path to what changed. */
  suspect(path: string): void;
  /** False: some directory is not watched, and must be looked at. */
  isComplete(): boolean;
  stop(): void;
}

export interface RootWatchDeps {
  readonly log: Log;
  /** Whether the kernel tells of all changes in a directory, given as absolute path; undefined: it is gone. */
  isTelling(directory: string): Promise<boolean | undefined>;
  readonly watch?: typeof watchDirectory;
}

export interface RootWatchOptions {
  /** Without symbolic links. */
  readonly root: string;
  /** Each pins some memory of the kernel. */
  readonly maxDirectories?: number;
  /** So many that come together are taken for a sign that more were lost. */
  readonly maxTogether?: number;
}

const MAX_DIRECTORIES = 10_000;
/** How many notifications Linux keeps that nobody has read yet: inotify(7). */
const QUEUE_LENGTH_FILE = '/proc/sys/fs/inotify/max_queued_events';
const USUAL_QUEUE_LENGTH = 16_384;
/** More are not named: to look at everything costs less. */
const MAX_PATHS = 5000;
/** The directory is gone or not ours to read, which whatever stands above it is told. */
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/**
 * Half of what the kernel keeps: libuv 1.52 reads all there is at once, and does not hand on that some were lost
 * (IN_Q_OVERFLOW).
 */
function halfOfQueue(): number {
  try {
    return Number(readFileSync(QUEUE_LENGTH_FILE, 'utf8')) / 2;
  } catch {
    return USUAL_QUEUE_LENGTH / 2;
  }
}

export function createRootWatch(
  { log, isTelling, watch = watchDirectory }: RootWatchDeps,
  { root, maxDirectories = MAX_DIRECTORIES, maxTogether = halfOfQueue() }: RootWatchOptions,
): RootWatch {
  const watchers = new Map<string, { close(): void }>();
  /** Not watched though they are there. */
  const unwatched = new Set<string>();
  let wasRefused = false;
  let paths = new Set<string>();
  let isEverything = false;
  let areNames = false;
  let together = 0;

  function note(path: string): void {
    if (isEverything) return;
    if (path === '' || paths.size >= MAX_PATHS) isEverything = true;
    else paths.add(path);
  }

  function hear(directory: string, event: string, name: string | null): void {
    // All that is there is read in one turn of the event loop.
    if (together === 0) setImmediate(() => (together = 0));
    together += 1;
    if (together >= maxTogether) isEverything = true;
    if (event === 'rename') areNames = true;
    // Of itself a directory speaks by its own name: it was moved, removed, or its file system taken away.
    if (name === null || name === basename(join(root, directory))) note(directory);
    const path = directory === '' ? name : `${directory}/${name}`;
    if (name !== null && path !== null && isImagePath(path)) note(path);
  }

  function open(directory: string): { close(): void } | undefined {
    try {
      const watcher = watch(join(root, directory), { persistent: false }, (event, name) =>
        hear(directory, event, name),
      );
      watcher.on('error', () => note(directory));
      return watcher;
    } catch (error) {
      if (NOT_THERE.has(systemErrorCode(error) ?? '')) return undefined;
      unwatched.add(directory);
      if (!wasRefused) {
        log.warn({ reason: errorMessage(error) }, 'folders cannot be watched, and are looked at instead');
      }
      wasRefused = true;
      return undefined;
    }
  }

  function roundOf(old: readonly { close(): void }[]): WatchRound {
    return {
      async add(directory) {
        const isTold = await isTelling(join(root, directory));
        if (isTold === undefined) return;
        if (!isTold || watchers.size >= maxDirectories) {
          unwatched.add(directory);
          return;
        }
        // The old one is closed later: what comes meanwhile is heard by one of both.
        const watcher = open(directory);
        if (watcher !== undefined) watchers.set(directory, watcher);
      },
      end() {
        for (const watcher of old) watcher.close();
      },
    };
  }

  return {
    renew(tops) {
      const old: { close(): void }[] = [];
      const renewed = new Set([...tops].filter((path) => watchers.has(path) || unwatched.has(path)));
      if (renewed.size === 0) return roundOf(old);
      for (const directory of unwatched) if (isWithin(directory, renewed)) unwatched.delete(directory);
      for (const [directory, watcher] of watchers) {
        if (!isWithin(directory, renewed)) continue;
        old.push(watcher);
        watchers.delete(directory);
      }
      return roundOf(old);
    },
    take() {
      const taken = { isEverything, paths, areNames };
      paths = new Set();
      isEverything = false;
      areNames = false;
      return taken;
    },
    suspect: note,
    isComplete: () => watchers.size > 0 && unwatched.size === 0,
    stop() {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
