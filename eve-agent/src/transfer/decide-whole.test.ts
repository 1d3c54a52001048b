// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { decideResponse } from './decide-response.ts';
import { mayWantWhole } from './decide-whole.ts';
import { ContentError, TransferError } from './errors.ts';

/** Whether the whole is asked for after the first refusal, after the second, and where no failure is borne. */
it.each([
  [400, true, true, true],
  [401, false, false, false],
  [403, true, true, true],
  [404, false, false, false],
  [405, true, true, true],
  [406, true, true, true],
  [407, false, false, false],
  [408, false, false, false],
  [410, false, false, false],
  [411, true, true, true],
  [412, true, true, true],
  [425, false, false, false],
  [429, false, false, false],
  [431, true, true, true],
  [500, false, true, true],
  [501, false, true, true],
  [502, false, true, true],
  [503, false, true, true],
  [599, false, true, true],
  [204, false, false, false],
  [304, false, false, false],
])('status %i', (statusCode, first, second, only) => {
  const stored = { validators: { etag: null, lastModified: null }, totalBytes: 100 };
  const expected = { url: '', position: 40, stored, expectedBytes: null, isDigestKnown: true };
  const errorOf = (headers: Record<string, string>) => {
    const decision = decideResponse(statusCode, headers, expected, 0);
    return decision.kind === 'fail' ? decision.error : undefined;
  };
  const error = errorOf({});
  expect([mayWantWhole(error, 1, 3), mayWantWhole(error, 2, 3), mayWantWhole(error, 1, 0)]).toEqual([
    first,
    second,
    only,
  ]);
  // With a time to wait it is about load, if it may pass at all.
  expect(mayWantWhole(errorOf({ 'retry-after': '5' }), 2, 3)).toBe(second && statusCode < 500);
});

it.each([
  new TransferError('CONNECTION_LOST', 'x', { retryable: true }),
  new TransferError('RESPONSE_INVALID', 'x'),
  new ContentError('SIZE_MISMATCH', 'x'),
  new Error('x'),
])('no other failure', (error) => {
  expect(mayWantWhole(error, 2, 0)).toBe(false);
});
