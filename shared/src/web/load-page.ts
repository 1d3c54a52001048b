// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { getAssetKeys, getRawAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import type { BuiltPage } from './build-page.ts';
import { BROTLI_SUFFIX, GZIP_SUFFIX, PAGE_FOLDER, type Page, type PageFile, pageOf } from './page-files.ts';

/** Files by name, wherever they stand. */
interface FileSource {
  readonly names: readonly string[];
  read(name: string): Promise<Buffer>;
}

/** What is in a single executable file. */
function assetSource(): FileSource {
  return {
    names: getAssetKeys().flatMap((key) =>
      key.startsWith(PAGE_FOLDER) ? key.slice(PAGE_FOLDER.length) : [],
    ),
    read: async (name) => Buffer.from(getRawAsset(PAGE_FOLDER + name)),
  };
}

/** What `npm run build` wrote. */
async function folderSource(folder: URL): Promise<FileSource> {
  return {
    names: await readdir(folder),
    read: (name) => readFile(fileURLToPath(new URL(name, folder))),
  };
}

async function readPage({ names, read }: FileSource): Promise<Page> {
  const find = async (name: string) => (names.includes(name) ? await read(name) : undefined);
  const files: PageFile[] = [];
  for (const name of names) {
    if (name.endsWith(GZIP_SUFFIX) || name.endsWith(BROTLI_SUFFIX)) continue;
    const gzip = await find(`${name}${GZIP_SUFFIX}`);
    files.push({ name, content: await read(name), gzip, brotli: await find(`${name}${BROTLI_SUFFIX}`) });
  }
  return pageOf(files);
}

/**
 * Loads a page when it is first asked for, and keeps it; a failure is tried again the next time. Bundled, it stands in
 * `web/` beside the program, or in the executable; run from source, it is built on the spot by `buildPage` of
 * `build-page.ts` beside the caller.
 *
 * @param moduleUrl the caller's `import.meta.url`
 */
export function createPageLoader(moduleUrl: string): () => Promise<Page> {
  let page: Promise<Page> | undefined;

  async function load(): Promise<Page> {
    if (isSea()) return readPage(assetSource());
    if (!moduleUrl.endsWith('.ts'))
      return readPage(await folderSource(new URL(`./${PAGE_FOLDER}`, moduleUrl)));
    // A computed name keeps the bundler from following: the bundle must not hold the bundler.
    const builder = new URL('./build-page.ts', moduleUrl).href;
    const { buildPage } = (await import(builder)) as { buildPage(): Promise<BuiltPage> };
    return pageOf((await buildPage()).files);
  }

  return () => {
    page ??= load().catch((error) => {
      page = undefined;
      throw error;
    });
    return page;
  };
}
