// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { createInTurn } from './in-turn.ts';
import { StoreError } from './store-error.ts';

export interface PublishOptions {
  /** False: fails with IMAGE_EXISTS where another image has the path. */
  readonly replace: boolean;
}

/** @throws StoreError PATH_TAKEN or IMAGE_EXISTS, where what has a path must not be replaced */
export function requireReplaceable(isFile: boolean, { replace }: PublishOptions): void {
  if (!isFile) throw new StoreError('PATH_TAKEN', 'A folder, a link or a special file has this path.');
  if (!replace) throw new StoreError('IMAGE_EXISTS', 'An image of this path exists already.');
}

export interface PlaceOptions extends PublishOptions {
  /** Where a file has two names for an instant: what is to be done while it has both. */
  readonly onBoth?: () => Promise<void>;
}

/** The calls of the file system by which a file gets its name. */
export type NamingCalls = Pick<typeof fs, 'link' | 'lstat' | 'rename' | 'unlink'>;

/** Gives files their names: each is there whole or not at all, and none replaces another unasked. */
export interface Placer {
  /**
   * Moves a staged file to its name.
   *
   * @returns whether the name was free
   * @throws StoreError PATH_TAKEN or IMAGE_EXISTS
   */
  place(file: string, target: string, options: PlaceOptions): Promise<boolean>;
  /**
   * Gives a file a second name, by which it can be had back. Without hard links the first name is free
   * from then on.
   */
  setAside(file: string, secondName: string): Promise<void>;
}

/** How vfat, exFAT, and many a network and user-space file system say that they have no hard links. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Where the file system has hard links, nothing is ever replaced unasked, whoever else is at work. Where it
 * has none, the name is looked at and then taken, one file after the other: another program that makes the
 * same name in that very instant is not noticed, and its file is replaced.
 *
 * @param calls of the file system; others than Node's only for tests
 */
export function createPlacer({ link, lstat, rename, unlink }: NamingCalls = fs): Placer {
  /** Of two that come at once, not both may find the name free. */
  const inTurn = createInTurn();

  /** @returns whether the target has this second name now; false: the file system has no hard links */
  async function tryLink(file: string, target: string): Promise<boolean> {
    try {
      await link(file, target);
      return true;
    } catch (error) {
      if (NO_HARD_LINKS.has(systemErrorCode(error) ?? '')) return false;
      throw error;
    }
  }

  async function takeFreeName(file: string, target: string, options: PublishOptions): Promise<boolean> {
    const there = await lstat(target).catch((error) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      return undefined;
    });
    if (there !== undefined) requireReplaceable(there.isFile(), options);
    await rename(file, target);
    return there === undefined;
  }

  return {
    async place(file, target, options) {
      try {
        // Unlike rename, link never replaces.
        if (!(await tryLink(file, target))) {
          return await inTurn(() => takeFreeName(file, target, options));
        }
        await options.onBoth?.();
        await unlink(file);
        return true;
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
      const [there, ours] = [await lstat(target, { bigint: true }), await lstat(file, { bigint: true })];
      if (ours.nlink > 1n && there.ino === ours.ino && there.dev === ours.dev) {
        // An earlier attempt was cut off after its first half.
        await options.onBoth?.();
        await unlink(file);
        return true;
      }
      requireReplaceable(there.isFile(), options);
      await rename(file, target);
      return false;
    },

    async setAside(file, secondName) {
      if (!(await tryLink(file, secondName))) await rename(file, secondName);
    },
  };
}
