// SPDX-License-Identifier: Apache-2.0
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '../content/staging.ts';

/** Writes a file so that its name only ever stands for the whole of it. */
export async function writeWhole(file: string, content: ReadableStream<Uint8Array>): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await pipeline(content, createWriteStream(partial, { flush: true }));
    await rename(partial, file);
    await syncDirectory(dirname(file));
  } catch (error) {
    await removeFile(partial).catch(() => {});
    throw error;
  }
}
