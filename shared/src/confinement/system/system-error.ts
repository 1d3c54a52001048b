// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from 'node:util';
import { CodedError } from '../../errors.ts';

/** A call that the kernel refused: `code` is the name of its errno, such as `EPERM`. */
export class SystemError extends CodedError {
  constructor(call: string, errno: number) {
    const code = errnoName(errno);
    super(code, `${call}: ${code}`, { details: { call, errno } });
  }
}

/** The name of an errno, such as `EPERM` for 1; `E4000` for one that nobody knows. */
export function errnoName(errno: number): string {
  const name = errno > 0 ? getSystemErrorName(-errno) : '';
  return /^E[A-Z0-9]+$/.test(name) ? name : `E${errno}`;
}
