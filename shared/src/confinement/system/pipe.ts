// SPDX-License-Identifier: Apache-2.0
import { systemErrorCode } from '../../errors.ts';
import { F, O } from './kernel-constants.ts';
import { openLibc } from './libc.ts';

const INT_BYTES = 4;
/** As much as everybody may ask for (`/proc/sys/fs/pipe-max-size`): who writes need not wait for who reads at each piece. */
const PIPE_BYTES = 1024 * 1024;

/**
 * A pipe, not to be inherited: what is read from, and what is written to. Both are the caller's to close. Neither end
 * waits: Node takes a pipe that comes from another process as it is, and would stand still with it. It holds 1 MiB
 * where the system gives so much, which it does not for ever to one user (`pipe-user-pages-soft`).
 */
export function openPipe(): readonly [number, number] {
  const pair = Buffer.alloc(2 * INT_BYTES);
  const libc = openLibc();
  libc.pipe2(pair, O.CLOEXEC | O.NONBLOCK);
  const ends = [pair.readInt32LE(0), pair.readInt32LE(INT_BYTES)] as const;
  try {
    libc.fcntl(ends[1], F.SETPIPE_SZ, PIPE_BYTES);
  } catch (error) {
    // A smaller one does as well.
    if (!['EPERM', 'EBUSY', 'ENOMEM'].includes(systemErrorCode(error) ?? '')) throw error;
  }
  return ends;
}
