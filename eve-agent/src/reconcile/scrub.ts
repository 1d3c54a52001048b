import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { ContentActual } from './actual.ts';
import { advance, type Runtime } from './runtime.ts';

/** Reads one verified file again. @returns why it is not what it was; null when it is */
async function findDamage({ deps }: Runtime, sha256: string, signal: AbortSignal): Promise<string | null> {
  try {
    const found = await deps.hashFile(deps.store.verifiedPath(sha256), signal);
    return found.sha256 === sha256 ? null : `its sha256 is ${found.sha256} now`;
  } catch (error) {
    signal.throwIfAborted();
    if (systemErrorCode(error) === 'ENOENT') return 'it is gone';
    // EIO is damage as well; what else stops the reading will stop the next download, too.
    return `it cannot be read: ${errorMessage(error)}`;
  }
}

async function replaceDamaged(runtime: Runtime, content: ContentActual, damage: string): Promise<void> {
  const { deps } = runtime;
  const { sha256 } = content;
  const message = `the verified file was damaged: ${damage}`;
  const code = 'CORRUPTED';
  deps.tally.noteFailure(code);
  deps.log.error({ sha256, trees: runtime.treesOf(sha256), code, damage }, 'a verified file is damaged');
  await deps.store.remove(sha256);
  content.currentBytes = 0;
  content.failure = { code, message, atMs: deps.wallMs(), severity: 'SEVERITY_WARNING' };
  advance(runtime, content, 'content-lost');
  runtime.replan();
}

/** Reads every verified file again, one after another; what is damaged is removed, and so fetched anew. */
export async function scrub(
  runtime: Runtime,
  signal: AbortSignal,
): Promise<{ damaged: number; checked: number }> {
  const isVerified = ({ state, activity }: ContentActual) => state === 'VERIFIED' && activity === null;
  let [checked, damaged] = [0, 0];
  for (const content of [...runtime.actual.contents.values()]) {
    if (!isVerified(content)) continue;
    const damage = await findDamage(runtime, content.sha256, signal);
    checked += 1;
    // It may have been dropped while it was read.
    if (damage === null || !isVerified(content) || !runtime.actual.contents.has(content.sha256)) continue;
    await replaceDamaged(runtime, content, damage);
    damaged += 1;
  }
  runtime.deps.log.info({ checked, damaged }, 'verified files were read again');
  return { checked, damaged };
}
