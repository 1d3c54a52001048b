// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import type { Page, PageFile } from './page-files.ts';

/**
 * A page loads its own scripts, styles and icons and talks to its own host; nobody may frame it.
 *
 * @param ownStyles what stands in the document itself, by its digest (CSP 3 §2.3.1)
 */
const securityPolicy = (ownStyles: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    ['style-src', "'self'", ...ownStyles].join(' '),
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const documentHeaders = (ownStyles: readonly string[]) => ({
  'Content-Security-Policy': securityPolicy(ownStyles),
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
});

/** What goes with every document of ours that a browser shows, and that has no styles in itself. */
export const DOCUMENT_HEADERS = documentHeaders([]);

const STYLE = /<style>([^<]*)<\/style>/g;

/** The styles in a document, as a security policy names them. */
const ownStylesOf = (html: Buffer): string[] =>
  [...html.toString().matchAll(STYLE)].map(
    ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  );

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What a page is answered with, beside what every answer has. */
export interface PageAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Buffer;
}

/** The document of a page, with the tag by which a browser asks whether it is still so. */
export function documentAnswer({ html }: Page): PageAnswer & { readonly entityTag: string } {
  const entityTag = `"sha256:${createHash('sha256').update(html.content).digest('hex')}"`;
  return {
    entityTag,
    headers: {
      ...documentHeaders(ownStylesOf(html.content)),
      ETag: entityTag,
      'Content-Type': CONTENT_TYPES['.html'] ?? '',
    },
    content: html.content,
  };
}

/**
 * An asset in the smallest form that the client takes (RFC 9110 §12.5.3); its name is another when its content is.
 *
 * @param taken codings, as `br`
 */
export function assetAnswer(
  { name, content, brotli, gzip }: PageFile,
  taken: ReadonlySet<string>,
): PageAnswer {
  const forms = { ...(brotli && { br: brotli }), ...(gzip && { gzip }), identity: content };
  // Not the client's order: by size, among those it takes.
  const encoding = (['br', 'gzip'] as const).find((form) => taken.has(form) && forms[form] !== undefined);
  return {
    headers: {
      'Content-Type': CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
      'Cache-Control': 'public, max-age=31536000, immutable',
      'Cross-Origin-Resource-Policy': 'same-origin',
      Vary: 'Accept-Encoding',
      ...(encoding !== undefined && { 'Content-Encoding': encoding }),
    },
    content: forms[encoding ?? 'identity'] ?? content,
  };
}
