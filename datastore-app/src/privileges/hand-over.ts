import { lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { ServiceUser } from './service-user.ts';

/** mke2fs's own, in every new ext4 volume. It stays root's. */
const RECOVERY_DIRECTORY = 'lost+found';

/** What keeps root from giving files away: a read-only mount, a missing capability, a file system without owners. */
const REFUSALS = new Set(['EROFS', 'EPERM', 'EACCES', 'ENOTSUP']);

/**
 * Gives a volume with all that is in it to a user, as the first start on an empty volume needs it: EVE mounts
 * them owned by root. What has the right owner already is not touched, nor is what a symbolic link leads to.
 *
 * @returns how many files and folders kept their owner because the file system or the kernel refuses
 */
export async function handOver(directory: string, user: ServiceUser): Promise<number> {
  let refused = await unlessRefused(() => giveAway(directory, user));
  refused += await unlessRefused(async () => {
    let below = 0;
    for await (const entry of await opendir(directory)) {
      if (entry.name === RECOVERY_DIRECTORY) continue;
      const path = join(directory, entry.name);
      below += entry.isDirectory()
        ? await handOver(path, user)
        : await unlessRefused(() => giveAway(path, user));
    }
    return below;
  });
  return refused;
}

async function giveAway(path: string, { uid, gid }: ServiceUser): Promise<number> {
  const now = await lstat(path);
  if (now.uid !== uid || now.gid !== gid) await lchown(path, uid, gid);
  return 0;
}

async function unlessRefused(attempt: () => Promise<number>): Promise<number> {
  try {
    return await attempt();
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (code === 'ENOENT') return 0; // removed meanwhile by a datastore that runs
    if (REFUSALS.has(code)) return 1;
    throw error;
  }
}
