// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { getAssetKeys, getRawAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import type { SiteBuilders } from './build-site.ts';
import {
  BROTLI_SUFFIX,
  GZIP_SUFFIX,
  SITE_FOLDERS,
  type Site,
  type SiteFile,
  type SiteName,
  siteOf,
} from './site.ts';

/** Files by name, wherever they stand. */
interface FileSource {
  readonly names: readonly string[];
  read(name: string): Promise<Buffer>;
}

/** What is in a single executable file. */
function assetSource(folder: string): FileSource {
  return {
    names: getAssetKeys().flatMap((key) => (key.startsWith(folder) ? key.slice(folder.length) : [])),
    read: async (name) => Buffer.from(getRawAsset(folder + name)),
  };
}

/** What `npm run build` wrote. */
async function folderSource(folder: URL): Promise<FileSource> {
  return {
    names: await readdir(folder),
    read: (name) => readFile(fileURLToPath(new URL(name, folder))),
  };
}

async function readSite({ names, read }: FileSource): Promise<Site> {
  const find = async (name: string) => (names.includes(name) ? await read(name) : undefined);
  const files: SiteFile[] = [];
  for (const name of names) {
    if (name.endsWith(GZIP_SUFFIX) || name.endsWith(BROTLI_SUFFIX)) continue;
    const gzip = await find(`${name}${GZIP_SUFFIX}`);
    files.push({ name, content: await read(name), gzip, brotli: await find(`${name}${BROTLI_SUFFIX}`) });
  }
  return siteOf(files);
}

/** Loads a site when it is first asked for, and keeps it; a failure is tried again the next time. */
export type LoadSite = () => Promise<Site>;
export type SiteLoaders = Readonly<Record<SiteName, LoadSite>>;

/**
 * What a program shows to browsers. Bundled, it stands beside the program, or in the executable; run from source, it
 * is built on the spot by `buildSites` of `build-sites.ts` beside the caller.
 *
 * @param moduleUrl the caller's `import.meta.url`
 */
export function createSiteLoaders(moduleUrl: string): SiteLoaders {
  async function load(name: SiteName): Promise<Site> {
    const folder = SITE_FOLDERS[name];
    if (isSea()) return readSite(assetSource(folder));
    if (!moduleUrl.endsWith('.ts')) return readSite(await folderSource(new URL(`./${folder}`, moduleUrl)));
    // A computed name keeps the bundler from following: the bundle must not hold the bundler.
    const builders = new URL('./build-sites.ts', moduleUrl).href;
    const { buildSites } = (await import(builders)) as { readonly buildSites: SiteBuilders };
    return siteOf((await buildSites[name]()).files);
  }

  function loader(name: SiteName): LoadSite {
    let site: Promise<Site> | undefined;
    return () => {
      site ??= load(name).catch((error) => {
        site = undefined;
        throw error;
      });
      return site;
    };
  }

  return { page: loader('page'), manual: loader('manual') };
}
