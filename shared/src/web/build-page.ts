// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';
import type { Metafile } from 'esbuild';
import { PAGE_DOCUMENT, type PageFile } from './page-files.ts';

/** Where the document may name what is built: `{{main.js}}`. */
const PLACEHOLDER = /\{\{([\w.-]+)\}\}/g;

const WORKSPACE = fileURLToPath(new URL('../../..', import.meta.url));
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

export interface BuiltPage {
  readonly files: readonly PageFile[];
  /** What was bundled, by paths below the workspace. */
  readonly metafile: Metafile;
  /** What it was built from besides, by such paths. */
  readonly otherInputs: readonly string[];
}

function pageFile(name: string, content: Buffer): PageFile {
  const gzip = gzipSync(content, { level: 9 });
  const brotli = brotliCompressSync(content, {
    params: { [zlib.BROTLI_PARAM_QUALITY]: 11, [zlib.BROTLI_PARAM_SIZE_HINT]: content.length },
  });
  return {
    name,
    content,
    gzip: gzip.length < content.length ? gzip : undefined,
    brotli: brotli.length < content.length ? brotli : undefined,
  };
}

/** `icon.svg` → `icon-1f0c9a2b.svg`: a name that changes with the content may be kept for ever. */
function hashedName(name: string, content: Buffer): string {
  const extension = extname(name);
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 10);
  return `${basename(name, extension)}-${digest}${extension}`;
}

/** Builds a page from its sources, in memory. Needs esbuild, a development dependency. */
export async function buildPageOf({ folder, assetPath }: PageSources): Promise<BuiltPage> {
  const sourceOf = (name: string) => join(fileURLToPath(folder), name);
  const { build, stop } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    absWorkingDir: WORKSPACE,
    entryPoints: { main: sourceOf('main.tsx'), page: sourceOf('page.css'), first: FIRST_STYLES_SOURCE },
    outdir: 'page',
    entryNames: '[name]',
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox111', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // Its `browser` build is for browsers of before 2015, and twice as large.
    alias: { 'tus-js-client': 'tus-js-client/lib/browser/index.js' },
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    // Its process would stay, with 30 MB.
  }).finally(stop);
  const sources = new Map<string, Buffer>([[ICON, await readFile(sourceOf(ICON))]]);
  for (const { path, contents } of outputFiles) sources.set(basename(path), Buffer.from(contents));

  const files: PageFile[] = [];
  const names = new Map<string, string>();
  const firstStyles = sources.get(FIRST_STYLES)?.toString().trimEnd() ?? '';
  sources.delete(FIRST_STYLES);
  for (const [name, content] of sources) {
    const file = pageFile(hashedName(name, content), content);
    names.set(name, file.name);
    files.push(file);
  }
  const template = await readFile(sourceOf(PAGE_DOCUMENT), 'utf8');
  const html = template
    .replace(LINK_TO_FIRST_STYLES, () => `<style>${firstStyles}</style>`)
    .replace(PLACEHOLDER, (placeholder, name: string) => {
      const built = names.get(name);
      if (built === undefined) throw new Error(`${PAGE_DOCUMENT} names ${placeholder}, which is not built`);
      return assetPath + built;
    });
  files.push(pageFile(PAGE_DOCUMENT, Buffer.from(html)));
  const otherInputs = [PAGE_DOCUMENT, ICON].map((name) => relative(WORKSPACE, sourceOf(name)));
  return { files, metafile, otherInputs };
}
