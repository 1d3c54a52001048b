// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { mustBeDecoded, statedCoding } from './content-coding.ts';
import { decideResponse, type Expectation } from './decide-response.ts';
import type { HeaderFields } from './validators.ts';

const IMAGE = 'http://10.1.0.5/disk.img';
const GZ = 'http://10.1.0.5/disk.img.gz';

/** The field, whether it must be undone for `disk.img`, and for `disk.img.gz`. */
const FIELDS: [string | string[] | undefined, boolean, boolean][] = [
  [undefined, false, false],
  ['', false, false],
  [' ', false, false],
  [',', false, false],
  ['identity', false, false],
  ['Identity, identity', false, false],
  ['none', false, false],
  ['utf-8', false, false],
  ['UTF-8', false, false],
  ['binary', false, false],
  ['base64', false, false],
  ['null', false, false],
  ['aws-chunked', false, false],
  ['application/octet-stream', false, false],
  ['\u009b31m', false, false],
  ['gzip', true, false],
  ['GZIP', true, false],
  ['x-gzip', true, false],
  ['X-GZip', true, false],
  ['gzip, identity', true, false],
  ['identity,gzip', true, false],
  ['aws-chunked,gzip', true, false],
  [['gzip'], true, false],
  [['identity', 'gzip'], true, false],
  ['gzip, gzip', true, true],
  [['gzip', 'gzip'], true, true],
  ['gzip, br', true, true],
  ['deflate', true, true],
  ['br', true, true],
  ['zstd', true, true],
  ['compress', true, true],
  ['x-compress', true, true],
  ['xz', true, true],
  ['bzip2', true, true],
];

/** Everything that may be known, and whether it decides about the bytes. */
const KNOWN: [string, Partial<Expectation>, boolean][] = [
  ['nothing', {}, false],
  ['sha256', { isDigestKnown: true }, true],
  ['size', { expectedBytes: 100 }, true],
  ['both', { isDigestKnown: true, expectedBytes: 100 }, true],
];
const fresh = { position: 0, stored: null, expectedBytes: null, isDigestKnown: false };
const stored = { validators: { etag: '"a"', lastModified: null }, totalBytes: 100 };
const RESPONSES: [number, HeaderFields, Partial<Expectation>][] = [
  [200, { 'content-length': '100' }, {}],
  [200, { 'transfer-encoding': 'chunked' }, {}],
  [206, { 'content-range': 'bytes 40-99/100', etag: '"a"' }, { position: 40, stored }],
];

const rows = FIELDS.flatMap(([field, ofImage, ofGz]) =>
  [
    { url: IMAGE, isCoded: ofImage },
    { url: GZ, isCoded: ofGz },
    { url: GZ.toUpperCase(), isCoded: ofGz },
  ].map((row) => ({ field, ...row })),
);

it.each(rows)('$field for $url must be decoded: $isCoded', ({ field, url, isCoded }) => {
  const headers = { 'content-encoding': field };
  expect(mustBeDecoded(headers, url)).toBe(isCoded);
  for (const [known, expected, decides] of KNOWN) {
    for (const [status, fields, resumed] of RESPONSES) {
      const expectation = { ...fresh, ...resumed, ...expected, url };
      const { kind } = decideResponse(status, { ...fields, ...headers }, expectation, 0);
      expect(kind, `${status}, known: ${known}`).toBe(isCoded && !decides ? 'fail' : 'store');
    }
  }
});

describe('what is told of a coding', () => {
  it.each([
    [undefined, null],
    ['', null],
    ['Identity', null],
    ['x-gzip', 'x-gzip'],
    ['gzip, identity', 'gzip, identity'],
    [['gzip', 'gzip'], 'gzip, gzip'],
    ['none', 'none'],
  ])('%j', (field, told) => {
    expect(statedCoding({ 'content-encoding': field })).toBe(told);
  });

  it('never writes to the terminal', () => {
    expect(statedCoding({ 'content-encoding': '\u009b31m' })).not.toContain('\u009b');
  });

  it('is how a refusal can be overruled', () => {
    const headers = { 'content-length': '100', 'content-encoding': 'gzip' };
    const decision = decideResponse(200, headers, { ...fresh, url: IMAGE }, 0);
    expect(decision.kind === 'fail' && decision.error).toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringMatching(/Content-Encoding: gzip\).*--sha256 or --size/),
    });
  });

  it('is told when the length is not the size that was given', () => {
    const headers = { 'content-length': '99', 'content-encoding': 'gzip' };
    const decision = decideResponse(200, headers, { ...fresh, url: IMAGE, expectedBytes: 100 }, 0);
    expect(decision.kind === 'fail' && decision.error).toMatchObject({
      code: 'SIZE_MISMATCH',
      message: expect.stringContaining('Content-Encoding: gzip'),
    });
  });
});
