// SPDX-License-Identifier: Apache-2.0
/** What the kernel says of a socket of another process, which root takes a copy of (pidfd_getfd(2)). */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { openLibc } from '@local-datastore/shared/confinement/system/libc';
import { loadKoffi } from '@local-datastore/shared/confinement/system/load-koffi';

export interface SocketFilter {
  /** `struct sock_filter`s. */
  readonly program: Buffer;
  /** Nobody can take it off. */
  readonly isLocked: boolean;
}

/** The same on x64 and arm64. */
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;
const SOL_SOCKET = 1;
/** Of a socket that is asked, SO_ATTACH_FILTER is SO_GET_FILTER. */
const SO_GET_FILTER = 26;
const SO_LOCK_FILTER = 44;
const INT_BYTES = 4;
const INSTRUCTION_BYTES = 8;
/** BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;

/**
 * @returns null: the process has closed it
 * @throws Error, SystemError there is no such process, or it is not to be asked
 */
export function readSocketFilter(pid: number, fd: number): SocketFilter | null {
  const koffi = loadKoffi();
  const call = koffi.load(null).func('long syscall(long number, long a, long b, long c)');
  const checked = (...args: number[]) => {
    const result = Number(call(...args));
    if (result < 0 && koffi.errno() === constants.errno.EBADF) return null;
    if (result < 0) throw new Error(`process ${pid}, descriptor ${fd}: errno ${koffi.errno()}`);
    return result;
  };
  const process = checked(PIDFD_OPEN, pid, 0, 0);
  if (process === null) return null;
  try {
    const copy = checked(PIDFD_GETFD, process, fd, 0);
    if (copy === null) return null;
    try {
      const program = Buffer.alloc(MAX_INSTRUCTIONS * INSTRUCTION_BYTES);
      // The kernel counts instructions here, not bytes.
      const count = readOption(copy, SO_GET_FILTER, program, MAX_INSTRUCTIONS);
      const isLocked = Buffer.alloc(INT_BYTES);
      readOption(copy, SO_LOCK_FILTER, isLocked, isLocked.length);
      return {
        program: program.subarray(0, count * INSTRUCTION_BYTES),
        isLocked: isLocked.readInt32LE() === 1,
      };
    } finally {
      closeSync(copy);
    }
  } finally {
    closeSync(process);
  }
}

/** @returns the length that the kernel tells */
function readOption(fd: number, name: number, value: Buffer, length: number): number {
  const told = Buffer.alloc(INT_BYTES);
  told.writeUInt32LE(length);
  openLibc().getsockopt(fd, SOL_SOCKET, name, value, told);
  return told.readUInt32LE();
}
