// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { Provenance, storedFrom } from './provenance.ts';

const SHA256 = 'a'.repeat(64);
const STRONG = { etag: '"one"' };
const STATING = { etag: `"sha256:${SHA256}"`, 'content-encoding': 'gzip' };

it.each([
  ['nothing is said', {}, false, false],
  ['somebody else said the digest', {}, true, true],
  ['the response has a strong entity tag', STRONG, false, true],
  ['the response has a weak entity tag', { etag: 'W/"one"' }, false, false],
  ['the datastore states the digest', STATING, false, true],
])('knows whether bytes can be told from others: %s', (_, headers, isDigestKnown, isGuarded) => {
  const provenance = new Provenance();
  provenance.expect(0, headers);
  provenance.begin(headers, storedFrom(headers, 9));
  expect(provenance.isGuarded(isDigestKnown)).toBe(isGuarded);
});

it('takes from a later response what the first one did not say, and nothing else', () => {
  const provenance = new Provenance();
  provenance.expect(0, {});
  expect(provenance.acceptsRanges).toBe(false);
  provenance.begin(STRONG, storedFrom(STRONG, 9));
  provenance.expect(5, STATING);
  provenance.goOn(STATING);
  expect(provenance).toMatchObject({
    stored: { validators: { etag: '"one"', lastModified: null }, totalBytes: 9 },
    statedSha256: SHA256,
    statedCoding: 'gzip',
    isPieced: true,
    acceptsRanges: true,
  });
});

it('counts what an earlier run stored until it begins anew', () => {
  const provenance = new Provenance();
  provenance.resume({ validators: { etag: '"one"', lastModified: null }, totalBytes: 9 }, 4);
  provenance.expect(4, { 'accept-ranges': 'bytes' });
  expect(provenance).toMatchObject({ resumedFromBytes: 4, isPieced: true });
  provenance.expect(0, { 'accept-ranges': 'bytes' });
  expect(provenance).toMatchObject({ resumedFromBytes: 0, isPieced: false, acceptsRanges: true });
  provenance.forget();
  expect(provenance).toMatchObject({ stored: null, statedSha256: null, statedCoding: null });
});
