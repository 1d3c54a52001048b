// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assetFile, type BuiltSite, bundleForBrowsers, siteFile, WORKSPACE } from './build-site.ts';
import { type SiteFile, START_DOCUMENT } from './site.ts';

/** Where the document may name what is built: `{{main.js}}`. */
const PLACEHOLDER = /\{\{([\w.-]+)\}\}/g;

const ICON = 'icon.svg';
/** Styles that the document comes to hold itself, in place of a link to them. */
const FIRST_STYLES = 'first.css';
const LINK_TO_FIRST_STYLES = `<link rel="stylesheet" href="{{${FIRST_STYLES}}}">`;
const FIRST_STYLES_SOURCE = fileURLToPath(new URL('../page/styles/first.css', import.meta.url));

/** A page of a program. */
export interface PageSources {
  /** The folder with `main.tsx`, `page.css`, `index.html` and `icon.svg`. */
  readonly folder: URL;
  /** Where its assets are served, as `/-/assets/`. */
  readonly assetPath: string;
}

/** Builds a page from its sources, in memory. */
export async function buildPage({ folder, assetPath }: PageSources): Promise<BuiltSite> {
  const sourceOf = (name: string) => join(fileURLToPath(folder), name);
  const { bundles, metafile } = await bundleForBrowsers({
    main: sourceOf('main.tsx'),
    page: sourceOf('page.css'),
    first: FIRST_STYLES_SOURCE,
  });
  const firstStyles = bundles.get(FIRST_STYLES)?.toString().trimEnd() ?? '';
  bundles.delete(FIRST_STYLES);

  const files: SiteFile[] = [];
  const names = new Map<string, string>();
  for (const [name, content] of [[ICON, await readFile(sourceOf(ICON))] as const, ...bundles]) {
    const file = assetFile(name, content);
    names.set(name, file.name);
    files.push(file);
  }
  const template = await readFile(sourceOf(START_DOCUMENT), 'utf8');
  const html = template
    .replace(LINK_TO_FIRST_STYLES, () => `<style>${firstStyles}</style>`)
    .replace(PLACEHOLDER, (placeholder, name: string) => {
      const built = names.get(name);
      if (built === undefined) throw new Error(`${START_DOCUMENT} names ${placeholder}, which is not built`);
      return assetPath + built;
    });
  files.push(siteFile(START_DOCUMENT, Buffer.from(html)));
  const otherInputs = [START_DOCUMENT, ICON].map((name) => relative(WORKSPACE, sourceOf(name)));
  return { files, metafile, otherInputs };
}
