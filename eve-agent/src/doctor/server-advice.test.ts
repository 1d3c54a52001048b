// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { acceptRangesAdvice, compressionAdvice, rangesAdvice } from './server-advice.ts';

/** Nobody is told to do as he does already. */
test.each([
  [{ server: 'Apache/2.4.57 (Debian)' }, /keeps Apache/, /^add it: "Header set/, /mod_deflate/],
  [{ server: 'Apache' }, /keeps Apache/, /^add it: "Header set/, /mod_deflate/],
  [{ server: 'nginx/1.22.1' }, /keeps nginx/, /^add it: "add_header/, /"gzip off;"/],
  [{ server: 'openresty/1.25' }, /keeps nginx/, /^add it: "add_header/, /"gzip off;"/],
  [
    { server: 'SimpleHTTP/0.6 Python/3.11.2' },
    /as datastore-app, nginx and Apache do/,
    /on the 206/,
    /Apache:/,
  ],
  [{ server: 'Apache-Coyote/1.1' }, /as datastore-app/, /on the 206/, /nginx:/],
  [{ server: ['nginx', 'Apache'] }, /as datastore-app/, /on the 206/, /nginx:/],
  [{}, /as datastore-app/, /on the 206/, /nginx:/],
])('%j', (headers, ranges, acceptRanges, compression) => {
  expect(rangesAdvice(headers)).toMatch(ranges);
  expect(acceptRangesAdvice(headers)).toMatch(acceptRanges);
  expect(compressionAdvice(headers)).toMatch(compression);
});
