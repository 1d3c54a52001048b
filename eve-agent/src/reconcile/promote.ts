// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { wrapStorageError } from '../content/partial-file.ts';
import type { ContentActual } from './actual.ts';
import { judgeFailure } from './judge-failure.ts';
import { advance, type Runtime } from './runtime.ts';

/**
 * Moves content whose digest is right to `verified`. Where the disk does not take it, as when it is full or
 * read-only by now, the bytes stay where they are, and it is tried again at the steady interval: they were
 * fetched once and are good.
 *
 * @returns whether it is there
 * @throws the error when the bytes themselves are gone
 */
export async function promote(runtime: Runtime, content: ContentActual): Promise<boolean> {
  const { deps, options } = runtime;
  const { sha256 } = content;
  try {
    const { sizeBytes } = await deps.store.promote(sha256);
    content.currentBytes = content.totalBytes = sizeBytes;
    content.promotionWaitUntilMs = 0;
    content.sources.clear();
    content.failure = null;
    advance(runtime, content, 'digest-matched');
    return true;
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (systemCode === undefined || systemCode === 'ENOENT') throw error;
    const { code, message } = judgeFailure(wrapStorageError(error, deps.store.verifiedPath(sha256)));
    content.failure = { code, message, atMs: deps.wallMs(), severity: 'SEVERITY_NOTICE' };
    content.promotionWaitUntilMs = deps.clock.nowMs() + options.schedule.steadyMs;
    deps.tally.noteFailure(code);
    deps.log.error(
      { sha256, trees: runtime.treesOf(sha256), code, reason: errorMessage(error) },
      'verified content cannot be moved to its place: it is tried again',
    );
    advance(runtime, content, 'promotion-failed');
    return false;
  }
}
