// SPDX-License-Identifier: Apache-2.0
/** A file of the web page as it was built. */
export interface PageFile {
  /** `index.html`, or with a digest of the content in it: `main-5XKQZ2.js`. */
  readonly name: string;
  readonly content: Buffer;
  /** The same, compressed; undefined where it gains nothing. */
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
}

/** The web page: its document, and what that loads. */
export interface Page {
  readonly html: PageFile;
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** Where a bundled page stands: a folder beside its program, or a part of the names in an executable. */
export const PAGE_FOLDER = 'web/';
export const PAGE_DOCUMENT = 'index.html';
/** Where a page's compressed forms stand beside it on the disk. */
export const GZIP_SUFFIX = '.gz';
export const BROTLI_SUFFIX = '.br';

/** @throws Error when the document is missing */
export function pageOf(files: readonly PageFile[]): Page {
  const html = files.find(({ name }) => name === PAGE_DOCUMENT);
  if (html === undefined) throw new Error(`the web page has no ${PAGE_DOCUMENT}`);
  return { html, assets: new Map(files.filter((file) => file !== html).map((file) => [file.name, file])) };
}
