// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import type { BuiltSite, SiteBuilders } from '../shared/src/web/build-site.ts';
import { BROTLI_SUFFIX, GZIP_SUFFIX, SITE_FOLDERS, type SiteName } from '../shared/src/web/site.ts';

/** What a program shows to browsers, as it was written. */
export interface WrittenSites {
  /** The files by the names that the program asks for. */
  readonly files: ReadonlyMap<string, string>;
  readonly metafiles: readonly Metafile[];
  /** What was read besides, by paths below the workspace. */
  readonly otherInputs: readonly string[];
}

/** Writes a site with its compressed forms. */
async function writeSite(folder: string, place: string, { files }: BuiltSite): Promise<[string, string][]> {
  await mkdir(join(folder, place), { recursive: true });
  const written: [string, string][] = [];
  const write = async (name: string, content: Buffer | undefined) => {
    if (content === undefined) return;
    const file = join(folder, place, name);
    await writeFile(file, content);
    written.push([place + name, file]);
  };
  for (const { name, content, gzip, brotli } of files) {
    await write(name, content);
    await write(`${name}${GZIP_SUFFIX}`, gzip);
    await write(`${name}${BROTLI_SUFFIX}`, brotli);
  }
  return written;
}

/**
 * Builds a program's page and manual, and writes them to where shared/src/web/load-sites.ts looks for them.
 *
 * @param folder of the program
 */
export async function writeSites(folder: string, builders: SiteBuilders): Promise<WrittenSites> {
  const files = new Map<string, string>();
  const built: BuiltSite[] = [];
  for (const [name, place] of Object.entries(SITE_FOLDERS) as [SiteName, string][]) {
    const site = await builders[name]();
    built.push(site);
    for (const [asked, file] of await writeSite(folder, place, site)) files.set(asked, file);
  }
  return {
    files,
    metafiles: built.map(({ metafile }) => metafile),
    otherInputs: built.flatMap(({ otherInputs }) => otherInputs),
  };
}
