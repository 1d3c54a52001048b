// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { waitFor } from '@local-datastore/shared/system-clock';
import type { Hasher } from '../content/hasher.ts';
import type { Verifiable, Verification } from '../images/verification.ts';
import type { VerificationInbox } from './verification-inbox.ts';
import { hashAgain } from './verify-file.ts';

export interface ScrubDeps {
  readonly log: Log;
  /** The images whose digests are known. */
  verifiables(): readonly Verifiable[];
  noteVerified(verifications: readonly Verification[]): Promise<void>;
  /** Reads a file from the disk, slowly. */
  readonly hash: Hasher['hash'];
  fileOf(path: string): string;
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const POLL_MS = 60_000;
const INBOX_POLL_MS = 2000;
const HAND_ON_MS = 10_000;

/** Which images were not read for so long, those of longest ago first. */
export function findDue(
  images: readonly Verifiable[],
  { nowMs, intervalMs }: { readonly nowMs: number; readonly intervalMs: number },
): Verifiable[] {
  const timeOf = ({ verified }: Verifiable) => {
    const timeMs = verified === null ? 0 : Date.parse(verified);
    // Noted while the clock was wrong.
    return timeMs > nowMs ? 0 : timeMs;
  };
  return images.filter((image) => timeOf(image) <= nowMs - intervalMs).sort((a, b) => timeOf(a) - timeOf(b));
}

/**
 * Reads every image again once in an interval, one after another, until the signal aborts. When each was last
 * read is remembered with it, so that a restart goes on where it was.
 */
export async function scrub(
  deps: ScrubDeps,
  { intervalMs }: { readonly intervalMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { log, now = Date.now, wait = waitFor } = deps;
  /** When a file that cannot be read is tried again. */
  const failedUntilMs = new Map<string, number>();

  /** Not handed on yet: each time it is, the index is written. */
  let done: Verification[] = [];
  let handedOnMs = now();

  async function handOn(): Promise<void> {
    const verifications = done;
    done = [];
    handedOnMs = now();
    if (verifications.length > 0) await deps.noteVerified(verifications);
  }

  async function verify({ path, version, digest }: Verifiable): Promise<void> {
    const outcome = await hashAgain(deps.hash, deps.fileOf(path), version, digest);
    if (signal.aborted || outcome.kind === 'changed') return;
    if (outcome.kind === 'failed') {
      failedUntilMs.set(path, now() + intervalMs);
      log.error({ path, reason: outcome.reason }, 'an image could not be read again');
      return;
    }
    const isCorrupt = outcome.hex !== digest.hex;
    done.push({ path, version, verified: new Date(now()).toISOString(), isCorrupt });
    if (isCorrupt || now() - handedOnMs >= HAND_ON_MS) await handOn();
  }

  while (!signal.aborted) {
    const due = findDue(deps.verifiables(), { nowMs: now(), intervalMs }).filter(
      ({ path }) => (failedUntilMs.get(path) ?? 0) <= now(),
    );
    for (const image of due) {
      if (signal.aborted) break;
      await verify(image);
    }
    await handOn();
    await wait(POLL_MS, signal);
  }
}

/** Takes over what `images verify` found, until the signal aborts. */
export async function watchInbox(
  deps: Pick<ScrubDeps, 'log' | 'noteVerified' | 'wait'> & { readonly inbox: VerificationInbox },
  signal: AbortSignal,
): Promise<void> {
  const { log, inbox, wait = waitFor } = deps;
  while (!signal.aborted) {
    try {
      await inbox.take(deps.noteVerified);
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'what images verify found could not be taken over');
    }
    await wait(INBOX_POLL_MS, signal);
  }
}
