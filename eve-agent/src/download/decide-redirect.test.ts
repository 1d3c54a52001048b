import { expect, test } from 'vitest';
import { decideRedirect, MAX_REDIRECTS } from './decide-redirect.ts';

const FROM = 'http://ds.local/a/b.img';

test.each([
  ['c.img', FROM, true, 1, 'http://ds.local/a/c.img'],
  ['/c.img?x=1', FROM, true, MAX_REDIRECTS, 'http://ds.local/c.img?x=1'],
  ['//DS.local/c.img', FROM, true, 1, 'http://ds.local/c.img'],
  ['http://ds.local:80/c', FROM, true, 1, 'http://ds.local/c'],
  ['http://elsewhere.example/c', 'http://datastore.example/a', false, 1, 'http://elsewhere.example/c'],
  ['https://datastore.example/c', 'http://datastore.example/a', false, 1, 'https://datastore.example/c'],
])('"%s" from %s (local: %s) is followed', (location, from, isLocal, count, url) => {
  const decision = decideRedirect({ location, from: new URL(from), isLocal, count });
  expect(decision).toMatchObject({ kind: 'follow', url: { href: url } });
});

test.each([
  ['http://other.local/c', FROM, true, 1, /own host name only/],
  ['/c', FROM, true, MAX_REDIRECTS + 1, /more than 5 in a row/],
  ['http://', FROM, true, 1, /no http or https URL/],
  ['file:///etc/passwd', FROM, false, 1, /no http or https URL/],
  ['http://me:pw@ds.local/c', FROM, true, 1, /user name or password/],
  ['http://ds.local/c', 'https://ds.local/a', true, 1, /from https to http/],
])('"%s" from %s (local: %s) is refused', (location, from, isLocal, count, why) => {
  const decision = decideRedirect({ location, from: new URL(from), isLocal, count });
  expect(decision).toEqual({ kind: 'refuse', why: expect.stringMatching(why) });
});
