// SPDX-License-Identifier: Apache-2.0
import { extname } from 'node:path';

/** A file for browsers, as it was built. */
export interface SiteFile {
  /** As `index.html`; of an asset with a digest of the content in it: `main-5XKQZ2.js`. */
  readonly name: string;
  readonly content: Buffer;
  /** The same, compressed; undefined where it gains nothing. */
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
}

/** Documents of one program that belong together, and what they load. */
export interface Site {
  /** What `index.html` is. */
  readonly start: SiteFile;
  /** All documents, that one among them, by name. */
  readonly documents: ReadonlyMap<string, SiteFile>;
  readonly assets: ReadonlyMap<string, SiteFile>;
}

/**
 * What a program shows to browsers, and where each stands once it is bundled: a folder beside the program, or the
 * beginning of names in an executable.
 */
export const SITE_FOLDERS = { page: 'web/', manual: 'manual/' } as const;
export type SiteName = keyof typeof SITE_FOLDERS;

export const START_DOCUMENT = 'index.html';
/** Where compressed forms of a file stand beside it on the disk. */
export const GZIP_SUFFIX = '.gz';
export const BROTLI_SUFFIX = '.br';

const isDocument = ({ name }: SiteFile) => extname(name) === '.html';
const byName = (files: readonly SiteFile[]) => new Map(files.map((file) => [file.name, file]));

/** @throws Error when the first document is missing */
export function siteOf(files: readonly SiteFile[]): Site {
  const documents = byName(files.filter(isDocument));
  const start = documents.get(START_DOCUMENT);
  if (start === undefined) throw new Error(`there is no ${START_DOCUMENT}`);
  return { start, documents, assets: byName(files.filter((file) => !isDocument(file))) };
}
