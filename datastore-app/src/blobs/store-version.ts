// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { createFolderMaker, inFolder, openClosedFolder, replaceFile } from '../content/closed-folder.ts';

const FOLDER = ['.oci'];
const NAME = 'version';
const schema = z.object({ version: z.literal(1) });
const TEXT = `${JSON.stringify({ version: 1 } satisfies z.input<typeof schema>)}\n`;

/** Why what stands below a root is not for this program to read or write, as a sentence; undefined: it is. */
export function whyNotOurVersion(root: string): string | undefined {
  try {
    const text = inFolder(root, FOLDER, (folder) => {
      const found = folder.stat(NAME);
      if (found === undefined) return TEXT;
      if (!found.isFile() || found.size > 4096) return '';
      return readFileSync(folder.entry(NAME), 'utf8');
    });
    if (text === undefined || schema.safeParse(JSON.parse(text)).success) return undefined;
    return `.oci was written by another version of this program: ${text.trim()}`;
  } catch (error) {
    return `.oci cannot be read: ${errorMessage(error)}`;
  }
}

/** Says below a root of which version it is. @returns a function that does it once; before anything is written there */
export function createVersionWriter(root: string): () => Promise<void> {
  const makeFolder = createFolderMaker(root);
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    await makeFolder(FOLDER);
    const folder = openClosedFolder(root, FOLDER);
    try {
      if (folder?.stat(NAME) === undefined && folder !== undefined) await replaceFile(folder, NAME, TEXT);
    } finally {
      folder?.close();
    }
  }

  return async () => {
    writing ??= write();
    try {
      await writing;
    } catch (error) {
      writing = undefined;
      throw error;
    }
  };
}
