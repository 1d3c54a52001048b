// SPDX-License-Identifier: Apache-2.0
/** Numbers of the kernel's interface that are the same on x64 and arm64 (`linux/*.h`, `asm-generic/*.h`). */

/** unshare(2). */
export const CLONE = {
  NEWNS: 0x00020000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWNET: 0x40000000,
} as const;

/** prctl(2). */
export const PR = {
  SET_PDEATHSIG: 1,
  SET_DUMPABLE: 4,
  CAPBSET_DROP: 24,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
  CAP_AMBIENT_CLEAR_ALL: 4,
} as const;

/** capabilities(7), by bit. */
export const CAP = { SETGID: 6, SETUID: 7, SETPCAP: 8, SYS_ADMIN: 21 } as const;

/** seccomp(2). */
export const SECCOMP = { SET_MODE_FILTER: 1, FLAG_TSYNC: 1 } as const;

/** getrlimit(2). */
export const RLIMIT = { FSIZE: 1, DATA: 2, CORE: 4, NPROC: 6, NOFILE: 7 } as const;

/** mount(2), umount2(2). */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REMOUNT: 0x20,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  PRIVATE: 0x40000,
} as const;
export const MNT_DETACH = 2;

/** socket(7), unix(7), udp(7). */
export const SOCKET = {
  AF_UNIX: 1,
  STREAM: 1,
  CLOEXEC: 0o2000000,
  NONBLOCK: 0o4000,
  SOL_SOCKET: 1,
  SCM_RIGHTS: 1,
  SO_DONTROUTE: 5,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_LOCK_FILTER: 44,
  SO_MEMINFO: 55,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  SHUT_RD: 0,
} as const;

/** fcntl(2). */
export const F = { SETFD: 2, DUPFD_CLOEXEC: 1030, SETPIPE_SZ: 1031, CLOEXEC: 1 } as const;

/** open(2), pipe(2). */
export const O = { CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;

/** mmap(2). */
export const MMAP = { READ: 1, WRITE: 2, PRIVATE: 2, ANONYMOUS: 0x20, FIXED_NOREPLACE: 0x100000 } as const;

export const CLOSE_RANGE_CLOEXEC = 4;

/** landlock(7): rights of a ruleset by bit, and what its calls take. */
export const LANDLOCK = {
  EXECUTE: 1n << 0n,
  WRITE_FILE: 1n << 1n,
  READ_FILE: 1n << 2n,
  READ_DIR: 1n << 3n,
  TRUNCATE: 1n << 14n,
  NET: 0b11n,
  SCOPED: 0b11n,
  CREATE_RULESET_VERSION: 1,
  RULE_PATH_BENEATH: 1,
} as const;

const LANDLOCK_CALLS = {
  landlockCreateRuleset: 444,
  landlockAddRule: 445,
  landlockRestrictSelf: 446,
} as const;

/** Calls that the C library has no function of, or not every one: x64, arm64. */
export const SYSCALL = {
  x64: { execve: 59, pivotRoot: 155, seccomp: 317, closeRange: 436, ...LANDLOCK_CALLS },
  arm64: { execve: 221, pivotRoot: 41, seccomp: 277, closeRange: 436, ...LANDLOCK_CALLS },
} as const;
