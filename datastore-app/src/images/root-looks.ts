// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { createInTurn } from '../content/in-turn.ts';
import type { RootWatch } from './root-watch.ts';
import type { FoundImages, OnDirectory, Scan } from './scan.ts';
import { MAX_IMAGES, type ScanMerge } from './scan-merge.ts';

/** Looks at the root: at what the kernel tells of, or at all of it. */
export interface RootLooks {
  /**
   * Takes over what may have changed since the last time.
   *
   * @returns whether the root could be looked at; {@link trouble} says why not
   */
  next(signal: AbortSignal): Promise<boolean>;
  /** Takes over at once what stands at some paths, whatever else is being looked at. */
  at(paths: readonly string[]): Promise<void>;
  /** Has a path looked at the next time: somebody found something else there. */
  suspect(path: string): void;
  /** Why the images cannot be listed at present, as a sentence. */
  trouble(): string | undefined;
  stop(): void;
}

export interface RootLooksDeps {
  readonly log: Log;
  readonly merge: ScanMerge;
  readonly watch: RootWatch;
  scan(signal: AbortSignal, onDirectory: OnDirectory): Promise<Scan>;
  scanPaths(paths: Iterable<string>, signal: AbortSignal, onDirectory: OnDirectory): Promise<FoundImages>;
  /** What tells the folder at the root, and the mounts below it, from others. */
  identity(): Promise<string>;
  /** Hears that another file system stands at the root. */
  noteMount(): Promise<void>;
  /** Paths that nobody tells of, and which are looked at each time. */
  untold(): Iterable<string>;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed: () => number;
}

/** To look at everything takes at most so small a part of the time: where nothing is told of changes … */
const UNTOLD_SHARE = 20;
const LONGEST_UNTOLD_MS = 60_000;
/** … and where the kernel tells of them: it does not of writes to mapped memory, and of some by other names. */
const TOLD_SHARE = 1000;
const LONGEST_TOLD_MS = 600_000;
const NEVER = new AbortController().signal;

export function createRootLooks(deps: RootLooksDeps): RootLooks {
  const { log, merge, watch, elapsed } = deps;
  let rootDevice: bigint | undefined;
  let knownIdentity: string | undefined;
  let wasTruncated = false;
  let trouble: string | undefined;
  /** When everything was looked at last, and how long that took; undefined: it must be now. */
  let whole: { readonly endedMs: number; readonly tookMs: number } | undefined;
  /** For each look that is under way: what another one took over meanwhile. */
  const underWay = new Set<Set<string>>();
  const inTurn = createInTurn();

  function noteTruncated(isTruncated: boolean): void {
    if (isTruncated && !wasTruncated)
      log.warn({ limit: MAX_IMAGES }, 'too many images: the rest is served, but not listed');
    wasTruncated = isTruncated;
  }

  /** A volume that was mounted or taken away is said so; its digests are remembered until it is back. */
  async function noteDevice(device: bigint): Promise<void> {
    if (rootDevice !== undefined && rootDevice !== device) {
      log.warn({}, 'another file system stands at the root: a volume was mounted, or taken away');
      await deps.noteMount();
    }
    rootDevice = device;
  }

  /** @param look finds what stands there now, hearing of each directory before it is listed */
  async function look<Found extends FoundImages>(
    lookedAt: ReadonlySet<string>,
    find: (onDirectory: OnDirectory) => Promise<Found>,
    accept: (found: Found) => Promise<void>,
  ): Promise<boolean> {
    const newer = new Set<string>();
    underWay.add(newer);
    const round = watch.renew(lookedAt);
    try {
      const found = await find(round.add);
      await accept(found);
      return await merge.merge({ found, lookedAt, isOutdated: (path) => newer.has(path) });
    } finally {
      round.end();
      underWay.delete(newer);
    }
  }

  async function lookAtAll(signal: AbortSignal): Promise<void> {
    const startedMs = elapsed();
    whole = undefined;
    const isTruncated = await look(
      new Set(['']),
      (onDirectory) => deps.scan(signal, onDirectory),
      ({ device }) => noteDevice(device),
    );
    noteTruncated(isTruncated);
    const endedMs = elapsed();
    whole = { endedMs, tookMs: endedMs - startedMs };
  }

  function isWholeDue(): boolean {
    if (whole === undefined) return true;
    const isTold = watch.isComplete() && !wasTruncated;
    const waitMs = isTold
      ? Math.min(whole.tookMs * TOLD_SHARE, LONGEST_TOLD_MS)
      : Math.min(whole.tookMs * UNTOLD_SHARE, LONGEST_UNTOLD_MS);
    return elapsed() - whole.endedMs >= waitMs;
  }

  async function lookAtChanges(signal: AbortSignal): Promise<void> {
    const identity = await deps.identity();
    const changes = watch.take();
    const isSameRoot = identity === knownIdentity;
    knownIdentity = identity;
    if (!isSameRoot || changes.isEverything || isWholeDue()) {
      await lookAtAll(signal);
      return;
    }
    const links = changes.areNames ? merge.symbolicLinks() : [];
    const lookedAt = new Set([...changes.paths, ...deps.untold(), ...links]);
    if (lookedAt.size === 0) return;
    try {
      const isTruncated = await look(
        lookedAt,
        (onDirectory) => deps.scanPaths(lookedAt, signal, onDirectory),
        async () => {},
      );
      noteTruncated(isTruncated || wasTruncated);
    } catch (error) {
      // What was told of is told of once.
      whole = undefined;
      throw error;
    }
  }

  async function lookAtOnce(paths: readonly string[]): Promise<void> {
    const lookedAt = new Set(paths);
    // Directories are left to the next look, which the kernel tells of them.
    const found = await deps.scanPaths(lookedAt, NEVER, async () => {});
    for (const { path } of found.files) {
      for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
        merge.noteDirectory(path.slice(0, end));
    }
    for (const path of paths) {
      for (const newer of underWay) newer.add(path);
      // Should something else have come there just now, what was found is the older of both.
      watch.suspect(path);
    }
    noteTruncated((await merge.merge({ found, lookedAt, isOutdated: () => false })) || wasTruncated);
  }

  function noteTrouble(error: unknown, isExpected: boolean): void {
    const reason = `the images cannot be listed: ${errorMessage(error)}`;
    if (reason !== trouble && !isExpected) log.error({}, reason);
    trouble = reason;
    whole = undefined;
  }

  return {
    async next(signal) {
      try {
        await lookAtChanges(signal);
        if (trouble !== undefined) log.info({}, 'the images can be listed again');
        trouble = undefined;
        return true;
      } catch (error) {
        noteTrouble(error, signal.aborted);
        return false;
      }
    },
    at: (paths) => inTurn(() => lookAtOnce(paths)).catch((error) => noteTrouble(error, false)),
    suspect: watch.suspect,
    trouble: () => trouble,
    stop: watch.stop,
  };
}
