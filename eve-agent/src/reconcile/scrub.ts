// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { findDamage } from '../content/find-damage.ts';
import { isImageMark, type LinkedFile } from '../content/image-folders.ts';
import type { ContentActual } from './actual.ts';
import { advance, type Runtime } from './runtime.ts';

/** What is here is not what it was: it leaves the disk and is fetched anew. Never rejects. */
async function replaceDamaged(runtime: Runtime, content: ContentActual, damage: string): Promise<void> {
  const { deps } = runtime;
  const { sha256 } = content;
  const trees = runtime.treesOf(sha256);
  const code = 'CORRUPTED';
  deps.tally.noteFailure(code);
  deps.log.error({ sha256, trees, code, damage }, 'a verified file is damaged');
  // No other step may touch it meanwhile.
  content.activity = { kind: 'remove', abort: new AbortController() };
  try {
    await deps.store.remove(sha256);
  } catch (error) {
    // A disk that fails is often read-only by then. No name leads there any longer, and new content replaces it.
    deps.log.error({ sha256, trees, reason: errorMessage(error) }, 'a damaged file cannot be removed');
  }
  content.activity = null;
  content.currentBytes = 0;
  const message = `the verified file was damaged: ${damage}`;
  content.failure = { code, message, atMs: deps.wallMs(), severity: 'SEVERITY_WARNING' };
  advance(runtime, content, 'content-lost');
  runtime.replan();
}

/**
 * Reads a file that an earlier run verified and that has not the size that is wanted: the configuration may be
 * wrong, or a disk that lost its end. Never rejects.
 */
export async function recheck(runtime: Runtime, content: ContentActual, signal: AbortSignal): Promise<void> {
  content.activity = { kind: 'verify', abort: new AbortController() };
  const { sha256 } = content;
  const path = runtime.deps.store.verifiedPath(sha256);
  const damage = await findDamage(runtime.deps.hashFile, path, digestOfHex(sha256), signal).catch(() => null);
  content.isOfEarlierRun = false;
  content.activity = null;
  if (damage !== null) await replaceDamaged(runtime, content, damage);
  else runtime.replan();
}

/** The files that a name leads to; none where it is to lead elsewhere. */
function filesAt(runtime: Runtime, name: string, mark: string): readonly LinkedFile[] {
  const { store } = runtime.deps;
  if (!isImageMark(mark)) return [{ path: store.linkPath(name), sha256: mark }];
  const image = runtime.wantedImage(name);
  return image?.mark === mark ? store.filesOf(name, image) : [];
}

/** Why a name leads no longer to what it did; null: it does. */
async function findNameDamage(
  runtime: Runtime,
  name: string,
  mark: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { store, hashFile } = runtime.deps;
  for (const file of filesAt(runtime, name, mark)) {
    if (await store.isHardLink(file)) continue;
    const damage = await findDamage(hashFile, file.path, digestOfHex(file.sha256), signal);
    if (damage !== null) return damage;
  }
  return null;
}

/** Gives names anew that are gone, or whose copy on another file system is damaged. @returns how many */
async function scrubNames(runtime: Runtime, signal: AbortSignal): Promise<number> {
  const { actual, deps } = runtime;
  let damaged = 0;
  for (const [name, mark] of [...actual.links]) {
    const damage = await findNameDamage(runtime, name, mark, signal);
    const sha256s = runtime.wantedImage(name)?.blobs ?? [mark];
    // It may lead elsewhere by now, or be on its way off the disk with its content.
    const isKept =
      sha256s.every((sha256) => actual.contents.get(sha256)?.state === 'VERIFIED') &&
      !actual.busyNames.has(name);
    if (damage === null || actual.links.get(name) !== mark || !isKept) continue;
    const [sha256 = mark] = sha256s;
    deps.log.warn({ name, sha256, trees: runtime.treesOf(sha256), damage }, 'a name is given anew');
    actual.links.delete(name);
    runtime.touchContent(sha256);
    damaged += 1;
  }
  return damaged;
}

/** Reads every verified file again, and every copy, one after another; what is damaged is removed, and so fetched anew. */
export async function scrub(
  runtime: Runtime,
  signal: AbortSignal,
): Promise<{ damaged: number; checked: number }> {
  const isVerified = ({ state, activity }: ContentActual) => state === 'VERIFIED' && activity === null;
  let [checked, damaged] = [0, 0];
  for (const content of [...runtime.actual.contents.values()]) {
    if (!isVerified(content)) continue;
    const { sha256 } = content;
    const damage = await findDamage(
      runtime.deps.hashFile,
      runtime.deps.store.verifiedPath(sha256),
      digestOfHex(sha256),
      signal,
    );
    checked += 1;
    // It may have been dropped while it was read.
    if (damage === null || !isVerified(content) || !runtime.actual.contents.has(content.sha256)) continue;
    await replaceDamaged(runtime, content, damage);
    damaged += 1;
  }
  damaged += await scrubNames(runtime, signal);
  runtime.deps.log.info({ checked, damaged }, 'verified files were read again');
  return { checked, damaged };
}
