// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltPage } from '../shared/src/web/build-page.ts';
import { BROTLI_SUFFIX, GZIP_SUFFIX, PAGE_FOLDER } from '../shared/src/web/page-files.ts';

/**
 * Writes a program's page, with its compressed forms, to where shared/src/web/load-page.ts looks for it.
 *
 * @param folder of the program
 * @returns the files by the names that the program asks for
 */
export async function writePage(folder: string, page: BuiltPage): Promise<ReadonlyMap<string, string>> {
  await mkdir(join(folder, PAGE_FOLDER), { recursive: true });
  const written = new Map<string, string>();
  const write = async (name: string, content: Buffer | undefined) => {
    if (content === undefined) return;
    const file = join(folder, PAGE_FOLDER, name);
    await writeFile(file, content);
    written.set(PAGE_FOLDER + name, file);
  };
  for (const { name, content, gzip, brotli } of page.files) {
    await write(name, content);
    await write(`${name}${GZIP_SUFFIX}`, gzip);
    await write(`${name}${BROTLI_SUFFIX}`, brotli);
  }
  return written;
}
