// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { asStoreError, StoreError } from './store-error.ts';

const systemError = (code: string) => Object.assign(new Error(`${code}: …`), { code });

it.each([
  ['ENOSPC', 'NO_SPACE'],
  ['EDQUOT', 'NO_SPACE'],
  ['EFBIG', 'NO_SPACE'],
  ['EROFS', 'NOT_WRITABLE'],
  ['EACCES', 'NOT_WRITABLE'],
  ['EPERM', 'NOT_WRITABLE'],
  ['ENOTDIR', 'PATH_TAKEN'],
  ['EISDIR', 'PATH_TAKEN'],
  ['ENAMETOOLONG', 'NAME_INVALID'],
])('says %s as %s, and keeps the cause', (code, expected) => {
  const cause = systemError(code);
  const error = asStoreError(cause);
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ code: expected, cause });
});

it.each([systemError('EIO'), new Error('other'), new StoreError('IMAGE_EXISTS', 'there')])(
  'leaves %s as it is',
  (error) => {
    expect(asStoreError(error)).toBe(error);
  },
);
