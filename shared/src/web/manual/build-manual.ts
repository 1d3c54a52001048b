// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assetFile, type BuiltSite, bundleForBrowsers, siteFile, WORKSPACE } from '../build-site.ts';
import { type SiteFile, START_DOCUMENT } from '../site.ts';
import { type ListedPage, manualDocument } from './manual-document.ts';
import { type LinkTarget, markdownToHtml, titleOf } from './markdown-to-html.ts';

/** A manual of a program. */
export interface ManualSources {
  /** As `eve-agent`: what the program is called, and where it stands in the workspace. */
  readonly program: string;
  readonly icon: URL;
}

interface ManualPage extends ListedPage {
  /** Below the workspace, as `eve-agent/docs/install.md`. */
  readonly path: string;
  /** The name of its document. */
  readonly name: string;
  readonly markdown: string;
}

const ENTRY = 'README.md';
const DOCS = 'docs';
const STYLES_SOURCE = fileURLToPath(new URL('./manual.css', import.meta.url));

const read = (path: string) => readFile(join(WORKSPACE, path));

async function readPage(path: string): Promise<ManualPage> {
  const markdown = (await read(path)).toString();
  const isEntry = basename(path) === ENTRY;
  const name = isEntry ? START_DOCUMENT : `${basename(path, '.md')}.html`;
  return { path, name, href: isEntry ? './' : name, title: titleOf(markdown), markdown };
}

/** All pages: the first leads to the others, which follow in the order in which it does. */
async function readPages(program: string): Promise<readonly ManualPage[]> {
  const entry = await readPage(`${program}/${ENTRY}`);
  const files = (await readdir(join(WORKSPACE, program, DOCS))).filter((file) => file.endsWith('.md'));
  const others = await Promise.all(files.map((file) => readPage(`${program}/${DOCS}/${file}`)));
  const placeOf = ({ path }: ManualPage) => entry.markdown.indexOf(`](${posix.relative(program, path)}`);
  return [entry, ...others.sort((a, b) => placeOf(a) - placeOf(b))];
}

/** Where a link of a page leads, once the pages are documents. */
function linkFrom(from: ManualPage, pages: readonly ManualPage[], href: string): LinkTarget {
  if (/^[a-z]+:/.test(href) || href.startsWith('#')) return { href };
  const [file = '', anchor] = href.split('#', 2);
  const path = posix.join(posix.dirname(from.path), file);
  const page = pages.find((each) => each.path === path);
  if (page === undefined) return { absent: path };
  return { href: anchor === undefined ? page.href : `${page.href}#${anchor}`, title: page.title };
}

/** The pictures of the manual, by their paths below the workspace. */
async function readPictures(program: string): Promise<ReadonlyMap<string, SiteFile>> {
  const files = (await readdir(join(WORKSPACE, program, DOCS))).filter((file) => file.endsWith('.png'));
  const paths = files.sort().map((file) => `${program}/${DOCS}/${file}`);
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path, assetFile(basename(path), await read(path))] as const),
    ),
  );
}

/** Builds the manual that stands beside a program's sources, `README.md` and `docs/*.md`, in memory. */
export async function buildManual({ program, icon }: ManualSources): Promise<BuiltSite> {
  const iconPath = relative(WORKSPACE, fileURLToPath(icon));
  const [pages, pictures, { bundles, metafile }, iconFile] = await Promise.all([
    readPages(program),
    readPictures(program),
    bundleForBrowsers({ manual: STYLES_SOURCE }),
    read(iconPath).then((content) => assetFile(basename(iconPath), content)),
  ]);
  const styles = [...bundles].map(([name, content]) => assetFile(name, content));
  const stylesheet = styles.map(({ name }) => name).join();

  const documents = pages.map((page) => {
    const text = markdownToHtml(page.markdown, {
      linkTo: (href) => linkFrom(page, pages, href),
      pictureAt(href) {
        const picture = pictures.get(posix.join(posix.dirname(page.path), href));
        if (picture === undefined) throw new Error(`${page.path} shows ${href}, which is not in ${DOCS}`);
        return picture.name;
      },
    });
    const html = manualDocument({ program, pages, page, text, icon: iconFile.name, stylesheet });
    return siteFile(page.name, Buffer.from(html));
  });
  return {
    files: [...documents, ...styles, iconFile, ...pictures.values()],
    metafile,
    otherInputs: [iconPath, ...pages.map(({ path }) => path), ...pictures.keys()],
  };
}
