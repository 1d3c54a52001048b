// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { ociErrorBody, parseOciErrors } from './error-body.ts';

it('reads what it writes', () => {
  const errors = [
    { code: 'MANIFEST_BLOB_UNKNOWN', message: 'A blob is missing.', detail: { digest: 'sha256:0' } },
    { code: 'DENIED', message: '' },
  ];
  expect(parseOciErrors(ociErrorBody(errors))).toEqual(errors);
});

it.each([
  // Older registries leave out what is optional.
  ['{"errors":[{"code":"DENIED"}]}', [{ code: 'DENIED', message: '' }]],
  ['{"errors":[{}]}', [{ code: 'UNKNOWN', message: '' }]],
  ['{"errors":[{"code":1,"message":null}]}', [{ code: 'UNKNOWN', message: '' }]],
  ['{"errors":[]}', []],
  ['{"errors":[1]}', []],
  ['{"errors":{}}', []],
  ['[]', []],
  ['null', []],
  ['', []],
  ['<html>', []],
])('reads %s', (text, errors) => {
  expect(parseOciErrors(text)).toEqual(errors);
});

it('reads the first few of very many', () => {
  expect(parseOciErrors(`{"errors":[${Array(5000).fill('{}').join()}]}`)).toHaveLength(20);
});
