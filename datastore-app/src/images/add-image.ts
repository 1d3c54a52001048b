// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { StoreError } from '../content/store-error.ts';
import type { ImageStore } from './image-store.ts';
import type { PublishedImage } from './publication.ts';

/**
 * Copies a file of this machine into the store, under its own name.
 *
 * @param folder below the root, separated by `/`; empty: the root itself
 * @throws ConfigurationError when the file cannot be read; StoreError, whose message names the file
 */
export async function addImage(
  store: ImageStore,
  file: string,
  folder: string,
  replace: boolean,
): Promise<PublishedImage> {
  const path = [...folder.split('/').filter((name) => name !== ''), basename(file)].join('/');
  try {
    const handle = await open(file, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error('it is no regular file');
      const content = handle.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false });
      const staged = await store.stage(content, { sizeBytes: stat.size, path });
      return await store.publish(staged, path, { replace }).catch(async (error) => {
        await store.discard(staged);
        throw error;
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof StoreError) {
      const advice = error.code === 'IMAGE_EXISTS' ? ' Give --replace to replace it.' : '';
      throw new StoreError(error.code, `${file} cannot be added as /${path}: ${error.message}${advice}`, {
        cause: error,
      });
    }
    throw new ConfigurationError(`${file} cannot be added: ${errorMessage(error)}`, { cause: error });
  }
}
