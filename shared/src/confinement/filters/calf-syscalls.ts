// SPDX-License-Identifier: Apache-2.0
import type { Alternatives, SyscallPolicy } from './seccomp-filter.ts';
import type { SyscallName } from './syscall-numbers.ts';

/**
 * What Node 24 with its threads asks the kernel for, seen by strace in whole jobs, and what a newer C library may ask
 * for in their place. Nothing here opens a connection, names a process, or changes a right.
 */
const ALLOWED: readonly SyscallName[] = [
  // Memory: V8 compiles while it runs.
  ...(['brk', 'madvise', 'mmap', 'mprotect', 'mremap', 'munmap'] as const),
  ...(['pkey_alloc', 'pkey_free', 'pkey_mprotect'] as const),
  // Threads, and waiting.
  ...(['exit', 'exit_group', 'futex', 'get_robust_list', 'membarrier', 'restart_syscall', 'rseq'] as const),
  ...(['rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn'] as const),
  ...(['sched_getaffinity', 'sched_yield'] as const),
  ...(['set_robust_list', 'set_tid_address', 'sigaltstack'] as const),
  // V8's locks ask for the priority of a thread that waits.
  ...(['sched_get_priority_max', 'sched_get_priority_min', 'sched_getattr', 'sched_getparam'] as const),
  ...(['sched_getscheduler'] as const),
  ...([
    'epoll_create1',
    'epoll_ctl',
    'epoll_pwait',
    'epoll_pwait2',
    'epoll_wait',
    'eventfd2',
    'pipe2',
  ] as const),
  ...(['poll', 'ppoll'] as const),
  // The time, random numbers, and what this process and machine are.
  ...([
    'capget',
    'clock_getres',
    'clock_gettime',
    'clock_nanosleep',
    'gettimeofday',
    'nanosleep',
    'time',
  ] as const),
  ...(['getegid', 'geteuid', 'getgid', 'getpid', 'getppid', 'getrandom', 'getrlimit', 'getrusage'] as const),
  ...(['gettid', 'getuid', 'sysinfo', 'uname'] as const),
  // Descriptors that it has.
  ...([
    'close',
    'dup',
    'dup2',
    'dup3',
    'fallocate',
    'fdatasync',
    'fstat',
    'fsync',
    'ftruncate',
    'lseek',
  ] as const),
  ...(['pread64', 'preadv', 'pwrite64', 'pwritev', 'read', 'readv', 'write', 'writev'] as const),
  ...(['getpeername', 'getsockname', 'getsockopt', 'recvfrom', 'recvmmsg', 'recvmsg'] as const),
  ...(['sendmmsg', 'sendmsg', 'sendto', 'shutdown'] as const),
  // Names of files, of which there are hardly any.
  ...([
    'access',
    'faccessat',
    'faccessat2',
    'getcwd',
    'getdents64',
    'lstat',
    'newfstatat',
    'readlink',
  ] as const),
  ...(['readlinkat', 'stat', 'statx'] as const),
];

const CLONE_THREAD = 0x00010000;
/**
 * What a thread of this process never has: namespaces of its own (time, mount, cgroup, UTS, IPC, user, process, network),
 * a tracer, another parent, a halted caller, shared I/O contexts.
 */
const CLONE_OTHERWISE = 0xfe82e080;

/** `O_WRONLY`, `O_RDWR`, `O_CREAT`, `O_TRUNC`, and the bit of its own of `O_TMPFILE`. */
const OPEN_TO_WRITE = 0x1 | 0x2 | 0o100 | 0o1000 | 0o20000000;
/** `O_CREAT`, `O_TRUNC`, and the bit of its own of `O_TMPFILE`. */
const OPEN_TO_MAKE = 0o100 | 0o1000 | 0o20000000;

const FCNTL = { DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, DUPFD_CLOEXEC: 1030 } as const;
/** Terminal or not, blocking or not, how much there is to read: x64 and arm64 have the same numbers. */
const IOCTL = {
  TCGETS: 0x5401,
  FIONREAD: 0x541b,
  FIONBIO: 0x5421,
  FIONCLEX: 0x5450,
  FIOCLEX: 0x5451,
} as const;
/** The name of a thread, and of memory. */
const PRCTL = { SET_NAME: 15, GET_NAME: 16, SET_VMA: 0x53564d41 } as const;
const ARCH_PRCTL_SET_FS = 0x1002;
const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;
/** `SO_KEEPALIVE`, `SO_LINGER`, and `SO_REUSEADDR`, without which libuv takes no socket of datagrams. */
const SOCKET_OPTIONS = [2, 9, 13] as const;
/** `TCP_NODELAY`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`. */
const TCP_OPTIONS = [1, 4, 5, 6] as const;

const oneOf = (argument: number, values: Readonly<Record<string, number>>): Alternatives => [
  [{ argument, isOneOf: Object.values(values) }],
];

export interface CalfSyscallOptions {
  /**
   * Where the path stands in memory that is executed, once: by the launcher. What it executes cannot, as no address means
   * that text there. Undefined: nothing is executed.
   */
  readonly executedPath: bigint | undefined;
  /** Whether files that are there may be opened to be written: of a folder that is shown to the calf. None is made. */
  readonly mayOpenToWrite: boolean;
}

/** What a calf may call. */
export function calfSyscalls({ executedPath, mayOpenToWrite }: CalfSyscallOptions): SyscallPolicy {
  const opened = (flags: number): Alternatives => [
    [{ argument: flags, hasNoneOf: mayOpenToWrite ? OPEN_TO_MAKE : OPEN_TO_WRITE }],
  ];
  return {
    allowed: ALLOWED,
    allowedIf: {
      arch_prctl: [[{ argument: 0, isOneOf: [ARCH_PRCTL_SET_FS] }]],
      clone: [
        [
          { argument: 0, hasBit: CLONE_THREAD },
          { argument: 0, hasNoneOf: CLONE_OTHERWISE },
        ],
      ],
      execve: executedPath === undefined ? [] : [[{ argument: 0, is: executedPath }]],
      fcntl: oneOf(1, FCNTL),
      ioctl: oneOf(1, IOCTL),
      open: opened(1),
      openat: opened(2),
      prctl: oneOf(0, PRCTL),
      // Limits are told, not changed.
      prlimit64: [[{ argument: 2, is: 0n }]],
      setsockopt: [
        [
          { argument: 1, isOneOf: [SOL_SOCKET] },
          { argument: 2, isOneOf: SOCKET_OPTIONS },
        ],
        [
          { argument: 1, isOneOf: [IPPROTO_TCP] },
          { argument: 2, isOneOf: TCP_OPTIONS },
        ],
      ],
    },
    absent: ['clone3', 'io_uring_setup'],
  };
}
