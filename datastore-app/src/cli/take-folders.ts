// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { holdFolder } from '../content/folder-lock.ts';
import type { Storage } from '../images/storage.ts';

/**
 * Makes this process the one that serves the folders.
 *
 * @returns the release
 * @throws ConfigurationError where another one does
 */
export async function takeFolders({ root, state }: Storage): Promise<() => Promise<void>> {
  const held: (() => Promise<void>)[] = [];
  const release = async () => {
    for (const each of held.toReversed()) await each();
  };
  for (const [option, folder] of [
    ['--root', root],
    ['--state', state],
  ] as const) {
    const taken = await holdFolder(folder);
    if (taken === null) {
      await release();
      throw new ConfigurationError(`${option} ${folder} is in use: another datastore serves it`);
    }
    held.push(taken);
  }
  return release;
}
