// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { MAX_PAGE, nextLink, parsePageRequest } from './paging.ts';

it.each([
  ['', { limit: MAX_PAGE, last: undefined }],
  ['n=', { limit: MAX_PAGE, last: undefined }],
  ['n=0', { limit: 0, last: undefined }],
  ['n=1', { limit: 1, last: undefined }],
  ['n=007', { limit: 7, last: undefined }],
  ['n=99999999999999999999999', { limit: MAX_PAGE, last: undefined }],
  ['last=v1', { limit: MAX_PAGE, last: 'v1' }],
  ['last=', { limit: MAX_PAGE, last: undefined }],
  ['n=2&last=a%2Fb', { limit: 2, last: 'a/b' }],
  ['n=2&n=3', { limit: 2, last: undefined }],
  ['n=-1', undefined],
  ['n=x', undefined],
  ['n=1.5', undefined],
  ['n=1e3', undefined],
])('reads "%s"', (query, wish) => {
  expect(parsePageRequest(new URLSearchParams(query))).toEqual(wish);
});

it('leads on', () => {
  expect(nextLink('/v2/a/tags/list', { limit: 2, last: 'v1' })).toBe(
    '</v2/a/tags/list?n=2&last=v1>; rel="next"',
  );
  const link = nextLink('/v2/_catalog', { limit: 1, last: 'a/b>"' }, { x: '"' });
  expect(link).toBe('</v2/_catalog?x=%22&n=1&last=a%2Fb%3E%22>; rel="next"');
});
