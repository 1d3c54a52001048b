// SPDX-License-Identifier: Apache-2.0
import { type FileVersion, isSameButChangeTime } from '../content/file-version.ts';

/**
 * Whether a file is complete. Nobody says so of a file that is copied into the root: what can be known is who
 * has it open for writing, and how long it has been left alone.
 */

/** Who writes to a file: somebody, surely nobody, or nobody that can be seen from here. */
export type Writer = 'open' | 'none' | 'unseen';

/** How a file came to be as it is, as far as it was watched. Times are of a clock that only goes forward. */
export interface Growth {
  /** Since when it has been seen as it is. */
  readonly sinceMs: number;
  /** How often it has been seen so. */
  readonly looks: number;
  /** It was there when the watching began: what its times say is all that is known of it. */
  readonly wasThere: boolean;
  /** The longest time that it was left alone, and then written to again. */
  readonly longestPauseMs: number;
  /** Somebody was seen to have it open for writing. */
  readonly hadWriter: boolean;
  /** It was taken for complete, and then written to again. */
  readonly wasMisjudged: boolean;
}

/** Where it is certain that nobody writes: a copy may come in pieces, each of which closes the file. */
const QUIET_MS = 2000;
/** Where writers cannot be seen. */
const UNSEEN_QUIET_MS = 10_000;
/** A pause may be followed by one so many times as long. */
const PAUSE_FACTOR = 4;
const LONGEST_QUIET_MS = 600_000;
/** Further apart than file systems round times: the time of modification was set. */
const SET_TIME_NS = 2_000_000_000n;

const UNKNOWN = { longestPauseMs: 0, hadWriter: false, wasMisjudged: false };

/** The growth of a file that is seen for the first time. */
export function firstSeen(elapsedMs: number, isFirstLook: boolean): Growth {
  return { sinceMs: elapsedMs, looks: 1, ...UNKNOWN, wasThere: isFirstLook };
}

/** The growth of a file that is seen for the first time, or as another version of what had its path. */
export function beginGrowth(
  version: FileVersion,
  previous:
    | { readonly version: FileVersion; readonly growth: Growth; readonly isSettled: boolean }
    | undefined,
  elapsedMs: number,
  isFirstLook: boolean,
): Growth {
  const begun = { sinceMs: elapsedMs, looks: 1 };
  const isSameFile = previous?.version.inode === version.inode && previous.version.device === version.device;
  if (previous === undefined || !isSameFile) return firstSeen(elapsedMs, isFirstLook);
  const { growth, isSettled } = previous;
  // Owner, mode or names alone: it was not written to.
  if (isSameButChangeTime(previous.version, version)) return { ...growth, ...begun, wasThere: false };
  const pauseMs = elapsedMs - growth.sinceMs;
  const isContinued = version.sizeBytes >= previous.version.sizeBytes && pauseMs <= LONGEST_QUIET_MS;
  // What was complete for long, or is begun anew, is another copy and no pause in the one before.
  if (isSettled && !isContinued) return { ...begun, ...UNKNOWN, wasThere: false };
  return {
    ...begun,
    wasThere: false,
    longestPauseMs: Math.max(growth.longestPauseMs, pauseMs),
    hadWriter: growth.hadWriter,
    wasMisjudged: growth.wasMisjudged || isSettled,
  };
}

/** How long a file must be left alone to be taken for complete; 0: to be seen twice as it is is enough. */
function neededQuietMs(version: FileVersion, growth: Growth, writer: Exclude<Writer, 'open'>): number {
  const { longestPauseMs, hadWriter, wasMisjudged } = growth;
  const growing = Math.min(LONGEST_QUIET_MS, PAUSE_FACTOR * longestPauseMs);
  if (wasMisjudged) return Math.max(writer === 'none' ? QUIET_MS : UNSEEN_QUIET_MS, growing);
  // It was closed.
  if (hadWriter) return 0;
  // Who sets the time does so at the end (`cp -p`, `tar`, `rsync`, `curl -R`).
  const isTimeSet = version.mtimeNs + SET_TIME_NS <= version.ctimeNs;
  if (writer === 'none') return isTimeSet ? 0 : QUIET_MS;
  return isTimeSet ? QUIET_MS : Math.max(UNSEEN_QUIET_MS, growing);
}

/**
 * Whether a file is taken for complete.
 *
 * @param nowMs of the clock that gives files their times: believed only of what was there already, for the
 *   times of a share are those of its server
 */
export function isComplete(
  version: FileVersion,
  growth: Growth,
  writer: Writer,
  { elapsedMs, nowMs }: { readonly elapsedMs: number; readonly nowMs: number },
): boolean {
  if (writer === 'open' || growth.looks < 2) return false;
  const changedNs = version.mtimeNs > version.ctimeNs ? version.mtimeNs : version.ctimeNs;
  const ageMs = growth.wasThere ? Math.abs(nowMs - Number(changedNs / 1_000_000n)) : 0;
  return Math.max(elapsedMs - growth.sinceMs, ageMs) >= neededQuietMs(version, growth, writer);
}
