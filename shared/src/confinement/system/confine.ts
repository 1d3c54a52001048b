// SPDX-License-Identifier: Apache-2.0
/** What a process can take from itself, for good. Of all threads or of this one: what is executed next has but one. */
import { readdirSync } from 'node:fs';
import { systemErrorCode } from '../../errors.ts';
import { CLOSE_RANGE_CLOEXEC, F, PR, SECCOMP } from './kernel-constants.ts';
import { openLibc } from './libc.ts';
import { programOf } from './sockets.ts';

/** `_LINUX_CAPABILITY_VERSION_3`: two words of each set. */
const CAPABILITY_VERSION = 0x20080522;
const LAST_POSSIBLE_CAPABILITY = 63;

/** Takes all capabilities out of what could ever be had again. @throws SystemError `EPERM`: without CAP_SETPCAP */
export function dropBoundingSet(): void {
  const libc = openLibc();
  for (let capability = 0; capability <= LAST_POSSIBLE_CAPABILITY; capability += 1) {
    try {
      libc.prctl(PR.CAPBSET_DROP, capability, 0, 0, 0);
    } catch (error) {
      // The kernel knows no more of them.
      if (systemErrorCode(error) === 'EINVAL') return;
      throw error;
    }
  }
}

/** Gives up the capabilities that it has, also those that would be inherited. */
export function dropCapabilities(): void {
  const libc = openLibc();
  libc.prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION);
  libc.capset(header, Buffer.alloc(24));
}

/** Becomes a user and group of this number, and a member of no other group. @throws SystemError `EPERM` */
export function becomeUser(id: number): void {
  const libc = openLibc();
  libc.setgroups(0, null);
  libc.setresgid(id, id, id);
  libc.setresuid(id, id, id);
}

export function setLimit(resource: number, value: number): void {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(BigInt(value), 0);
  limit.writeBigUInt64LE(BigInt(value), 8);
  openLibc().setrlimit(resource, limit);
}

/** Nothing that is executed has more rights than this process. */
export function refuseNewPrivileges(): void {
  openLibc().prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/** Kills this process when the thread that started it ends. Taking another user takes that back. */
export function dieWithParent(signal: number): void {
  openLibc().prctl(PR.SET_PDEATHSIG, signal, 0, 0, 0);
}

/** @param program `struct sock_filter`s */
export function installSyscallFilter(program: Buffer): void {
  openLibc().installFilter(SECCOMP.SET_MODE_FILTER, SECCOMP.FLAG_TSYNC, programOf(program));
}

/**
 * Lets just the descriptors below this one outlive the next execution. Node lets none: at its start it takes all that it
 * inherited for its own.
 */
export function keepDescriptorsBelow(firstClosed: number): void {
  const libc = openLibc();
  for (let fd = 0; fd < firstClosed; fd += 1) libc.fcntl(fd, F.SETFD, 0);
  try {
    libc.syscall('closeRange', firstClosed, 0xffffffff, CLOSE_RANGE_CLOEXEC);
  } catch (error) {
    // Before Linux 5.11 there is no such call, or no such flag; a filter may not know it.
    if (!['ENOSYS', 'EINVAL', 'EPERM'].includes(systemErrorCode(error) ?? '')) throw error;
    for (const name of readdirSync('/proc/self/fd')) {
      if (Number(name) >= firstClosed) setCloseOnExec(Number(name));
    }
  }
}

function setCloseOnExec(fd: number): void {
  try {
    openLibc().fcntl(fd, F.SETFD, F.CLOEXEC);
  } catch (error) {
    // The folder's own descriptor, which was listed, too.
    if (systemErrorCode(error) !== 'EBADF') throw error;
  }
}
