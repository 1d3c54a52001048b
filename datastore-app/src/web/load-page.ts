import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BROTLI_SUFFIX, GZIP_SUFFIX, type Page, type PageFile, pageOf } from './page-files.ts';

/** Reads what `npm run build` wrote. */
async function readPage(directory: URL): Promise<Page> {
  const names = await readdir(directory);
  const read = async (name: string) =>
    names.includes(name) ? await readFile(fileURLToPath(new URL(name, directory))) : undefined;
  const files: PageFile[] = [];
  for (const name of names) {
    const content = await read(name);
    if (content === undefined || name.endsWith(GZIP_SUFFIX) || name.endsWith(BROTLI_SUFFIX)) continue;
    const gzip = await read(`${name}${GZIP_SUFFIX}`);
    files.push({ name, content, gzip, brotli: await read(`${name}${BROTLI_SUFFIX}`) });
  }
  return pageOf(files);
}

/**
 * Loads the page when it is first asked for, and keeps it; a failure is tried again the next time. Bundled, it
 * stands in `web/` beside the program; run from source, it is built on the spot.
 *
 * @param moduleUrl where this program's code stands: `import.meta.url` of this module
 */
export function createPageLoader(moduleUrl: string = import.meta.url): () => Promise<Page> {
  let page: Promise<Page> | undefined;

  async function load(): Promise<Page> {
    if (!moduleUrl.endsWith('.ts')) return readPage(new URL('./web/', moduleUrl));
    // A computed name keeps the bundler from following: the bundle must not hold the bundler.
    const builder = new URL('./build-page.ts', import.meta.url).href;
    const { buildPage } = (await import(builder)) as typeof import('./build-page.ts');
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
