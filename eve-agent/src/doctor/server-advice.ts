// SPDX-License-Identifier: Apache-2.0
import { type HeaderFields, singleValue } from '../transfer/validators.ts';

/** What an answer says that it comes from (RFC 9110 §10.2.4), as far as there is advice for it. */
type WebServer = 'Apache' | 'nginx' | 'other';

function webServerOf(headers: HeaderFields): WebServer {
  const product = /^[^\s/]+/.exec(singleValue(headers, 'server') ?? '')?.[0]?.toLowerCase();
  if (product === 'apache') return 'Apache';
  return product === 'nginx' || product === 'openresty' ? 'nginx' : 'other';
}

const RANGES: Record<WebServer, string> = {
  Apache:
    'see what keeps Apache from it: "MaxRanges none", "Header unset Accept-Ranges", mod_deflate, or a script that answers in its place',
  nginx:
    'see what keeps nginx from it: "max_ranges 0", gzip, or a server behind it (proxy_force_ranges on, or ranges there)',
  other: 'use a web server that knows ranges (RFC 9110 §14), as datastore-app, nginx and Apache do',
};

const ACCEPT_RANGES: Record<WebServer, string> = {
  Apache: 'add it: "Header set Accept-Ranges bytes" (mod_headers)',
  nginx: 'add it: "add_header Accept-Ranges bytes;"',
  other: 'let the web server send it on the 206 as well (nginx: "add_header Accept-Ranges bytes;")',
};

const COMPRESSION: Record<WebServer, string> = {
  Apache: 'turn it off for images: no mod_deflate, no AddEncoding for the suffix',
  nginx: 'turn it off for images: "gzip off;"',
  other:
    'turn compression off for images (nginx: gzip off; Apache: no mod_deflate, no AddEncoding for the suffix)',
};

/** What to do about ranges that are not answered as such. */
export const rangesAdvice = (headers: HeaderFields): string => RANGES[webServerOf(headers)];

/** What to do about a 206 without `Accept-Ranges`. */
export const acceptRangesAdvice = (headers: HeaderFields): string => ACCEPT_RANGES[webServerOf(headers)];

/** What to do about a file that comes compressed. */
export const compressionAdvice = (headers: HeaderFields): string => COMPRESSION[webServerOf(headers)];
