// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decideResponse, type Expectation, type ResponseDecision } from './decide-response.ts';
import type { HeaderFields } from './validators.ts';

const url = 'http://10.1.0.5/disk.img';
const fresh: Expectation = { url, position: 0, stored: null, expectedBytes: null, isDigestKnown: false };
const validators = { etag: '"a"', lastModified: null };
const resumed: Expectation = {
  url,
  position: 40,
  stored: { validators, totalBytes: 100 },
  expectedBytes: 100,
  isDigestKnown: true,
};
const range = { 'content-range': 'bytes 40-99/100', 'content-length': '60' };

function decide(status: number, headers: HeaderFields, expected: Expectation): ResponseDecision {
  return decideResponse(status, headers, expected, Date.parse('2026-01-01T00:00:00Z'));
}

it('names the status and the address of a refusal', () => {
  const decision = decide(404, {}, fresh);
  expect(decision.kind === 'fail' && decision.error.message).toBe(
    'the datastore answered "404 Not Found" for http://10.1.0.5/disk.img',
  );
});

describe('decideResponse', () => {
  const cases: [string, number, HeaderFields, Expectation, object][] = [
    ['a whole file', 200, { 'content-length': '7' }, fresh, { kind: 'store', from: 0, totalBytes: 7 }],
    [
      'a whole file instead of a range',
      200,
      { 'content-length': '100' },
      resumed,
      { kind: 'store', from: 0 },
    ],
    [
      'the wanted range',
      206,
      { ...range, etag: '"a"' },
      resumed,
      { kind: 'store', from: 40, totalBytes: 100 },
    ],
    ['a shorter range', 206, { 'content-range': 'bytes 40-49/100' }, resumed, { kind: 'store', from: 40 }],
    [
      'a range of unknown total',
      206,
      { 'content-range': 'bytes 40-99/*' },
      resumed,
      { kind: 'store', totalBytes: 100 },
    ],
    ['another range', 206, { 'content-range': 'bytes 39-99/100' }, resumed, { kind: 'start-over' }],
    [
      'a range that ends before it starts',
      206,
      { 'content-range': 'bytes 40-39/100' },
      resumed,
      { kind: 'start-over' },
    ],
    ['a range past the end', 206, { 'content-range': 'bytes 40-100/100' }, resumed, { kind: 'start-over' }],
    ['several ranges', 206, { 'content-type': 'multipart/byteranges' }, resumed, { kind: 'start-over' }],
    ['a range of another length', 206, { ...range, 'content-length': '61' }, resumed, { kind: 'start-over' }],
    ['a range of another version', 206, { ...range, etag: '"b"' }, resumed, { kind: 'start-over' }],
    [
      'a range of a file of another size',
      206,
      { 'content-range': 'bytes 40-99/101' },
      resumed,
      { kind: 'start-over' },
    ],
    [
      'a range that nobody asked for',
      206,
      range,
      fresh,
      { kind: 'fail', error: { code: 'RESPONSE_INVALID' } },
    ],
    [
      '416 at the end',
      416,
      { 'content-range': 'bytes */40' },
      { ...resumed, stored: null, expectedBytes: null },
      { kind: 'complete', totalBytes: 40 },
    ],
    [
      '416 where the file is said to end now, but did not before',
      416,
      { 'content-range': 'bytes */40' },
      { ...resumed, stored: { validators, totalBytes: 100 } },
      { kind: 'start-over' },
    ],
    [
      'a range of a file of unknown size',
      206,
      { 'content-range': 'bytes 40-99/*' },
      { ...resumed, stored: { validators, totalBytes: null }, expectedBytes: null },
      { kind: 'start-over' },
    ],
    [
      'a range of a file whose size the user knows',
      206,
      { 'content-range': 'bytes 40-99/*' },
      { ...resumed, stored: { validators, totalBytes: null }, expectedBytes: 100 },
      { kind: 'store', from: 40, totalBytes: 100 },
    ],
    [
      'a range of unknown total past the size that was stored',
      206,
      { 'content-range': 'bytes 40-100/*' },
      { ...resumed, expectedBytes: null },
      { kind: 'start-over' },
    ],
    [
      'a range of unknown total past the size that the user knows',
      206,
      { 'content-range': 'bytes 40-99/*' },
      { ...resumed, stored: { validators, totalBytes: null }, expectedBytes: 39 },
      { kind: 'start-over' },
    ],
    ['416 elsewhere', 416, { 'content-range': 'bytes */39' }, resumed, { kind: 'start-over' }],
    ['416 without a range asked for', 416, {}, fresh, { kind: 'fail', error: { retryable: false } }],
    [
      'a wrong size',
      200,
      { 'content-length': '99' },
      resumed,
      // What a device configuration calls it is named, too.
      { kind: 'fail', error: { code: 'SIZE_MISMATCH', message: expect.stringContaining('maxSizeBytes') } },
    ],
    [
      'a length that is none',
      200,
      { 'content-length': '-1' },
      fresh,
      { kind: 'fail', error: { code: 'RESPONSE_INVALID' } },
    ],
    ['chunks', 200, { 'transfer-encoding': 'chunked' }, fresh, { kind: 'store', totalBytes: null }],
    ['no length', 200, {}, fresh, { kind: 'fail', error: { code: 'RESPONSE_INVALID' } }],
    [
      'no length but a digest',
      200,
      {},
      { ...fresh, isDigestKnown: true },
      { kind: 'store', totalBytes: null },
    ],
    [
      'compression',
      200,
      { 'content-encoding': 'br' },
      fresh,
      { kind: 'fail', error: { code: 'RESPONSE_INVALID' } },
    ],
    [
      'compressed, said twice',
      200,
      { 'content-encoding': ['gzip', 'gzip'] },
      fresh,
      { kind: 'fail', error: { code: 'RESPONSE_INVALID' } },
    ],
    [
      'compression that would write to the terminal',
      200,
      { 'content-encoding': '\u009b31m' },
      fresh,
      { kind: 'fail', error: { message: expect.not.stringContaining('\u009b') } },
    ],
    ['identity', 200, { 'content-encoding': 'identity', 'content-length': '1' }, fresh, { kind: 'store' }],
    ['a redirect', 307, { location: '/x' }, fresh, { kind: 'redirect', location: '/x' }],
    ['a redirect to nowhere', 302, {}, fresh, { kind: 'fail', error: { code: 'RESPONSE_INVALID' } }],
    ['not found', 404, { 'retry-after': '5' }, fresh, { kind: 'fail', error: { retryable: false } }],
    [
      'overload',
      503,
      { 'retry-after': '5' },
      fresh,
      { kind: 'fail', error: { retryable: true }, retryAfterMs: 5000 },
    ],
    [
      'overload until',
      503,
      { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' },
      fresh,
      { kind: 'fail', retryAfterMs: 9000 },
    ],
    ['overload for ever', 503, { 'retry-after': '999999' }, fresh, { kind: 'fail', retryAfterMs: 600_000 }],
    ['success without content', 204, {}, fresh, { kind: 'fail', error: { retryable: false } }],
  ];
  it.each(cases)('%s', (_, status, headers, expected, decision) => {
    expect(decide(status, headers, expected)).toMatchObject(decision);
  });
});
