// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';
import type { Metafile } from 'esbuild';
import type { SiteFile, SiteName } from './site.ts';

/** Paths of what something was built from are below it. */
export const WORKSPACE = fileURLToPath(new URL('../../..', import.meta.url));

export interface BuiltSite {
  readonly files: readonly SiteFile[];
  /** What was bundled, by paths below the workspace. */
  readonly metafile: Metafile;
  /** What it was built from besides, by such paths. */
  readonly otherInputs: readonly string[];
}

/** How a program's sites are built, in memory. They need development dependencies. */
export type SiteBuilders = Readonly<Record<SiteName, () => Promise<BuiltSite>>>;

/** What is compressed by its format. */
const DENSE = new Set(['.png']);

/** A file with its compressed forms. */
export function siteFile(name: string, content: Buffer): SiteFile {
  if (DENSE.has(extname(name))) return { name, content, gzip: undefined, brotli: undefined };
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

/** An asset. `icon.svg` → `icon-1f0c9a2b.svg`: a name that changes with the content may be kept for ever. */
export function assetFile(name: string, content: Buffer): SiteFile {
  const extension = extname(name);
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 10);
  return siteFile(`${basename(name, extension)}-${digest}${extension}`, content);
}

let bundling = 0;

/**
 * Bundles scripts and styles for browsers, in memory.
 *
 * @param entryPoints sources by the names of what is made of them, without extension
 * @returns what was made, by name, and what it was made from
 */
export async function bundleForBrowsers(
  entryPoints: Readonly<Record<string, string>>,
): Promise<{ readonly bundles: Map<string, Buffer>; readonly metafile: Metafile }> {
  const { build, stop } = await import('esbuild');
  bundling += 1;
  try {
    const { outputFiles, metafile } = await build({
      absWorkingDir: WORKSPACE,
      entryPoints,
      outdir: 'site',
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
    });
    const bundles = outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)] as const);
    return { bundles: new Map(bundles), metafile };
  } finally {
    bundling -= 1;
    // Its process would stay, with 30 MB; stopped earlier, it would take another's bundles with it.
    if (bundling === 0) await stop();
  }
}
