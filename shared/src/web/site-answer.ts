// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import type { SiteFile } from './site.ts';

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
  '.png': 'image/png',
};

/** What a file is answered with, beside what every answer has. */
export interface SiteAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Buffer;
}

/** A file in the smallest form that the client takes (RFC 9110 §12.5.3). */
function smallestForm({ name, content, brotli, gzip }: SiteFile, taken: ReadonlySet<string>): SiteAnswer {
  const forms = { ...(brotli && { br: brotli }), ...(gzip && { gzip }), identity: content };
  // Not the client's order: by size, among those it takes.
  const encoding = (['br', 'gzip'] as const).find((form) => taken.has(form) && forms[form] !== undefined);
  return {
    headers: {
      'Content-Type': CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
      Vary: 'Accept-Encoding',
      ...(encoding !== undefined && { 'Content-Encoding': encoding }),
    },
    content: forms[encoding ?? 'identity'] ?? content,
  };
}

/**
 * A document, with the tag by which a browser asks whether it is still so: each form has its own (RFC 9110 §8.8.3.3).
 *
 * @param taken codings, as `br`
 */
export function documentAnswer(
  document: SiteFile,
  taken: ReadonlySet<string>,
): SiteAnswer & { readonly entityTag: string } {
  const { headers, content } = smallestForm(document, taken);
  const entityTag = `"sha256:${createHash('sha256').update(content).digest('hex')}"`;
  return {
    entityTag,
    headers: { ...documentHeaders(ownStylesOf(document.content)), ...headers, ETag: entityTag },
    content,
  };
}

/**
 * An asset; its name is another when its content is.
 *
 * @param taken codings, as `br`
 */
export function assetAnswer(asset: SiteFile, taken: ReadonlySet<string>): SiteAnswer {
  const { headers, content } = smallestForm(asset, taken);
  return {
    headers: {
      ...headers,
      'Cache-Control': 'public, max-age=31536000, immutable',
      'Cross-Origin-Resource-Policy': 'same-origin',
    },
    content,
  };
}
