// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseUploadMetadata, parseUploadRecord, type UploadRecord } from './upload-record.ts';

const SHA256 = 'ab'.repeat(32);
const RECORD: UploadRecord = {
  id: '0'.repeat(32),
  path: 'a/b.img',
  sizeBytes: 3,
  sha256: null,
  replace: false,
  created: '2026-02-03T04:05:06.000Z',
  metadata: { path: 'a/b.img', flag: null },
  verifiedSha256: SHA256,
};

it('reads back what was written', () => {
  expect(parseUploadRecord(JSON.stringify(RECORD))).toEqual(RECORD);
});

it.each([
  '',
  '{',
  'null',
  '{}',
  JSON.stringify({ ...RECORD, path: '../a' }),
  JSON.stringify({ ...RECORD, id: 'x' }),
  JSON.stringify({ ...RECORD, sizeBytes: -1 }),
])('does not take %j for a record', (text) => expect(parseUploadRecord(text)).toBeUndefined());

it.each([
  [{ path: 'a' }, { path: 'a', sha256: null, replace: false }],
  [
    { path: '/a/b', filename: 'c' },
    { path: 'a/b', sha256: null, replace: false },
  ],
  [
    { filename: 'c', filetype: 'x/y' },
    { path: 'c', sha256: null, replace: false },
  ],
  [
    { path: 'a', sha256: SHA256.toUpperCase(), replace: 'true' },
    { path: 'a', sha256: SHA256, replace: true },
  ],
])('reads %j', (metadata, expected) => expect(parseUploadMetadata(metadata)).toEqual(expected));

it.each([
  [{}, 'UPLOAD_INVALID', 'must hold path'],
  [{ path: null }, 'UPLOAD_INVALID', 'must hold path'],
  [{ path: '/' }, 'NAME_INVALID', 'cannot be the path'],
  [{ path: 'a/../b' }, 'NAME_INVALID', 'a/../b'],
  [{ path: 'a', sha256: 'xyz' }, 'UPLOAD_INVALID', '64 hexadecimal digits'],
  [{ path: 'a', replace: '1' }, 'UPLOAD_INVALID', '"true" or "false"'],
])('refuses %j', (metadata, code, message) => {
  expect(() => parseUploadMetadata(metadata)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});
