// SPDX-License-Identifier: Apache-2.0
/** Processors that a filter can be made for, by Node's names. */
export type Processor = 'x64' | 'arm64';

/** `AUDIT_ARCH_…`: what the kernel says of a system call's form. */
export const AUDIT_ARCH: Readonly<Record<Processor, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** From this number on a call of x64 is one of x32, whose arguments mean something else. */
export const X32_BIT = 0x40000000;

/**
 * Numbers have been the same on all processors from here on (Linux 5.1). A C library that knows such a call does without
 * where the answer is ENOSYS, and takes any other error for that of the call.
 */
export const FIRST_NUMBER_OF_ALL = 424;

/** Of the system calls that a filter names: x64 (`asm/unistd_64.h`), arm64 (`asm-generic/unistd.h`); null: it has none. */
const NUMBERS = {
  access: [21, null],
  arch_prctl: [158, null],
  brk: [12, 214],
  capget: [125, 90],
  clock_getres: [229, 114],
  clock_gettime: [228, 113],
  clock_nanosleep: [230, 115],
  clone: [56, 220],
  clone3: [435, 435],
  close: [3, 57],
  dup: [32, 23],
  dup2: [33, null],
  dup3: [292, 24],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_pwait: [281, 22],
  epoll_pwait2: [441, 441],
  epoll_wait: [232, null],
  eventfd2: [290, 19],
  execve: [59, 221],
  exit: [60, 93],
  exit_group: [231, 94],
  faccessat: [269, 48],
  faccessat2: [439, 439],
  fallocate: [285, 47],
  fcntl: [72, 25],
  fdatasync: [75, 83],
  fstat: [5, 80],
  fsync: [74, 82],
  ftruncate: [77, 46],
  futex: [202, 98],
  get_robust_list: [274, 100],
  getcwd: [79, 17],
  getdents64: [217, 61],
  getegid: [108, 177],
  geteuid: [107, 175],
  getgid: [104, 176],
  getpeername: [52, 205],
  getpid: [39, 172],
  getppid: [110, 173],
  getrandom: [318, 278],
  getrlimit: [97, 163],
  getrusage: [98, 165],
  getsockname: [51, 204],
  getsockopt: [55, 209],
  gettid: [186, 178],
  gettimeofday: [96, 169],
  getuid: [102, 174],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  lseek: [8, 62],
  lstat: [6, null],
  madvise: [28, 233],
  membarrier: [324, 283],
  mmap: [9, 222],
  mprotect: [10, 226],
  mremap: [25, 216],
  munmap: [11, 215],
  nanosleep: [35, 101],
  newfstatat: [262, 79],
  open: [2, null],
  openat: [257, 56],
  pipe2: [293, 59],
  pkey_alloc: [330, 289],
  pkey_free: [331, 290],
  pkey_mprotect: [329, 288],
  poll: [7, null],
  ppoll: [271, 73],
  prctl: [157, 167],
  pread64: [17, 67],
  preadv: [295, 69],
  prlimit64: [302, 261],
  pwrite64: [18, 68],
  pwritev: [296, 70],
  read: [0, 63],
  readlink: [89, null],
  readlinkat: [267, 78],
  readv: [19, 65],
  recvfrom: [45, 207],
  recvmmsg: [299, 243],
  recvmsg: [47, 212],
  restart_syscall: [219, 128],
  rseq: [334, 293],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  sched_get_priority_max: [146, 125],
  sched_get_priority_min: [147, 126],
  sched_getaffinity: [204, 123],
  sched_getattr: [315, 275],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  sched_yield: [24, 124],
  sendmmsg: [307, 269],
  sendmsg: [46, 211],
  sendto: [44, 206],
  set_robust_list: [273, 99],
  set_tid_address: [218, 96],
  setsockopt: [54, 208],
  shutdown: [48, 210],
  sigaltstack: [131, 132],
  stat: [4, null],
  statx: [332, 291],
  sysinfo: [99, 179],
  time: [201, null],
  uname: [63, 160],
  write: [1, 64],
  writev: [20, 66],
} as const satisfies Record<string, readonly [number, number | null]>;

export type SyscallName = keyof typeof NUMBERS;

/** @returns null: the processor has no such call */
export function syscallNumber(name: SyscallName, processor: Processor): number | null {
  return NUMBERS[name][processor === 'x64' ? 0 : 1];
}

export const isProcessor = (name: string): name is Processor => Object.hasOwn(AUDIT_ARCH, name);

export const SYSCALL_NAMES = Object.keys(NUMBERS) as SyscallName[];
