// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { interpret } from './bpf-interpreter.ts';
import { type CalfSyscallOptions, calfSyscalls } from './calf-syscalls.ts';
import { ALLOW, NO_SUCH_CALL, REFUSE, type SyscallPolicy, seccompFilter } from './seccomp-filter.ts';
import {
  AUDIT_ARCH,
  type Processor,
  SYSCALL_NAMES,
  type SyscallName,
  syscallNumber,
} from './syscall-numbers.ts';

const PROCESSORS: readonly Processor[] = ['x64', 'arm64'];
const EXECUTED = 0x3951_a67e_c000n;
const OPTIONS: CalfSyscallOptions = { executedPath: EXECUTED, mayOpenToWrite: false };

/** `struct seccomp_data`, in the order of bytes of the processor. */
function call(nr: number, arch: number, args: readonly (number | bigint)[] = []) {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(nr, 0);
  bytes.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries()) {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  }
  return {
    lengthBytes: bytes.length,
    // The kernel lets words be read, and these at their own places.
    read(offset: number, sizeBytes: number) {
      if (sizeBytes !== 4 || offset % 4 !== 0) throw new RangeError('the kernel would not have taken this');
      return offset + 4 > bytes.length ? undefined : bytes.readUInt32LE(offset);
    },
  };
}

function judge(processor: Processor, options = OPTIONS) {
  const program = seccompFilter(calfSyscalls(options), processor);
  return (nr: number, args: readonly (number | bigint)[] = [], arch = AUDIT_ARCH[processor]) =>
    interpret(program, call(nr, arch, args));
}

const THREAD_OF_GLIBC = 0x3d0f00;
const SIGCHLD = 17;
const AT_FDCWD = -100;

describe.each(PROCESSORS)('a calf on %s', (processor) => {
  const verdict = judge(processor);
  const of = (name: SyscallName, args: readonly (number | bigint)[] = []) => {
    const nr = syscallNumber(name, processor);
    return nr === null ? null : verdict(nr, args);
  };

  it('may call what it is allowed to, whatever the arguments', () => {
    for (const name of calfSyscalls(OPTIONS).allowed)
      expect([ALLOW, null], name).toContain(of(name, [1, 2, 3]));
  });

  it.each<[string, SyscallName, readonly (number | bigint)[], number]>([
    ['a thread', 'clone', [THREAD_OF_GLIBC], ALLOW],
    ['a process', 'clone', [SIGCHLD], REFUSE],
    ['a process with the memory of this one', 'clone', [0x4100 | SIGCHLD], REFUSE],
    ...[0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000].map(
      (flag): [string, SyscallName, readonly number[], number] => [
        `a thread in a namespace of its own (${flag.toString(16)})`,
        'clone',
        [THREAD_OF_GLIBC + flag],
        REFUSE,
      ],
    ),
    ['a thread that is traced', 'clone', [THREAD_OF_GLIBC | 0x2000], REFUSE],
    ['clone3, as if there were none', 'clone3', [0, 88], NO_SUCH_CALL],
    ['io_uring, as if there were none', 'io_uring_setup', [256, 0], NO_SUCH_CALL],
    ['the one execution', 'execve', [EXECUTED, 1, 2], ALLOW],
    ['another one', 'execve', [EXECUTED + 1n, 1, 2], REFUSE],
    ['one whose lower half is right', 'execve', [EXECUTED & 0xffffffffn, 1, 2], REFUSE],
    ['one whose upper half is right', 'execve', [EXECUTED & ~0xffffffffn, 1, 2], REFUSE],
    ['reading a file', 'openat', [AT_FDCWD, 1, 0o2000000], ALLOW],
    ['writing one', 'openat', [AT_FDCWD, 1, 1], REFUSE],
    ['reading and writing one', 'openat', [AT_FDCWD, 1, 2], REFUSE],
    ['making one', 'openat', [AT_FDCWD, 1, 0o100], REFUSE],
    ['cutting one off', 'openat', [AT_FDCWD, 1, 0o1000], REFUSE],
    ['one without a name', 'openat', [AT_FDCWD, 1, 0o20200000], REFUSE],
    ['listing a folder', 'openat', [AT_FDCWD, 1, 0o200000], ALLOW],
    ['not blocking', 'ioctl', [3, 0x5421], ALLOW],
    ['whether it is a terminal', 'ioctl', [3, 0x5401], ALLOW],
    ['typing into a terminal', 'ioctl', [3, 0x5412], REFUSE],
    ['the addresses of an interface', 'ioctl', [3, 0x8915], REFUSE],
    ['the flags of a descriptor', 'fcntl', [3, 4, 0x800], ALLOW],
    ['the one who gets a signal by a descriptor', 'fcntl', [3, 8, 1], REFUSE],
    ['seals of memory', 'fcntl', [3, 1033, 1], REFUSE],
    ['the name of a thread', 'prctl', [15, 1], ALLOW],
    ['capabilities by prctl', 'prctl', [47, 2], REFUSE],
    ['another filter', 'prctl', [22, 2, 1], REFUSE],
    ['a limit, told', 'prlimit64', [0, 7, 0, 1], ALLOW],
    ['a limit, changed', 'prlimit64', [0, 7, 1, 0], REFUSE],
    ['a limit, changed by what is far up', 'prlimit64', [0, 7, 1n << 40n, 0], REFUSE],
    ['TCP_NODELAY', 'setsockopt', [3, 6, 1], ALLOW],
    ['SO_KEEPALIVE', 'setsockopt', [3, 1, 9], ALLOW],
    ['taking a filter off', 'setsockopt', [3, 1, 27], REFUSE],
    ['another filter of a socket', 'setsockopt', [3, 1, 26], REFUSE],
    ['SO_DONTROUTE', 'setsockopt', [3, 1, 5], REFUSE],
    ['SO_BINDTODEVICE', 'setsockopt', [3, 1, 25], REFUSE],
    ['joining a group', 'setsockopt', [3, 0, 35], REFUSE],
    ['a protocol over TCP', 'setsockopt', [3, 6, 31], REFUSE],
    ['a level whose option is of another', 'setsockopt', [3, 0, 1], REFUSE],
  ])('%s', (_, name, args, expected) => {
    expect(of(name, args)).toBe(expected);
  });

  // Reported of dhcpcd, whose filter ended it.
  it.each<[string, SyscallName]>([
    ['#147', 'newfstatat'],
    ['#128', 'clock_nanosleep'],
    ['#323, #421', 'getrandom'],
    ['#348', 'statx'],
  ])('answers what newer C libraries call: %s', (_, name) => {
    expect(of(name)).toBe(ALLOW);
  });

  it('answers what no C library calls yet as a kernel that does not know it (dhcpcd #450)', () => {
    expect(verdict(470)).toBe(NO_SUCH_CALL);
  });

  it('refuses every other call, and says of new ones that there are none', () => {
    const { allowed, allowedIf, absent } = calfSyscalls(OPTIONS);
    const named = new Set(
      [...allowed, ...absent, ...(Object.keys(allowedIf) as SyscallName[])].map((name) =>
        syscallNumber(name, processor),
      ),
    );
    for (let nr = 0; nr < 1024; nr += 1) {
      if (!named.has(nr)) expect(verdict(nr), `${nr}`).toBe(nr < 424 ? REFUSE : NO_SUCH_CALL);
    }
    for (const nr of [0x40000000, 0x40000001, 0x7fffffff, 0xffffffff]) expect(verdict(nr)).toBe(REFUSE);
  });

  it('refuses calls of another form than its own', () => {
    const read = syscallNumber('read', processor) ?? -1;
    for (const arch of [0x40000003, 0x40000028, 0, AUDIT_ARCH[processor === 'x64' ? 'arm64' : 'x64']]) {
      expect(verdict(read, [], arch)).toBe(REFUSE);
    }
  });

  it('executes nothing, and writes files that are there, where that is what is asked for', () => {
    const other = judge(processor, { executedPath: undefined, mayOpenToWrite: true });
    expect(other(syscallNumber('execve', processor) ?? -1, [EXECUTED])).toBe(REFUSE);
    const openat = syscallNumber('openat', processor) ?? -1;
    const [written, made, cut] = [0o2, 0o102, 0o1002];
    expect([written, made, cut].map((flags) => other(openat, [AT_FDCWD, 1, flags]))).toEqual([
      ALLOW,
      REFUSE,
      REFUSE,
    ]);
  });

  it('is far from as long as the kernel allows', () => {
    expect(seccompFilter(calfSyscalls(OPTIONS), processor).length).toBeLessThan(1024);
  });
});

const dangerous = [
  ...[
    'connect',
    'bind',
    'listen',
    'accept',
    'accept4',
    'socket',
    'socketpair',
    'ptrace',
    'kill',
    'tkill',
    'tgkill',
  ],
  ...[
    'process_vm_readv',
    'process_vm_writev',
    'pidfd_open',
    'pidfd_getfd',
    'pidfd_send_signal',
    'mount',
    'umount2',
  ],
  ...[
    'unshare',
    'setns',
    'pivot_root',
    'chroot',
    'setuid',
    'setresuid',
    'setgid',
    'setgroups',
    'capset',
    'bpf',
  ],
  ...[
    'userfaultfd',
    'keyctl',
    'add_key',
    'request_key',
    'perf_event_open',
    'io_uring_enter',
    'io_uring_register',
  ],
  ...['execveat', 'memfd_create', 'init_module', 'finit_module', 'kexec_load', 'reboot', 'swapon', 'seccomp'],
  ...[
    'open_by_handle_at',
    'personality',
    'ioperm',
    'iopl',
    'fork',
    'vfork',
    'unlinkat',
    'renameat2',
    'mkdirat',
  ],
  ...[
    'linkat',
    'symlinkat',
    'mknodat',
    'fchmodat',
    'fchownat',
    'fchown',
    'fchmod',
    'inotify_init1',
    'shmget',
  ],
  ...[
    'msgget',
    'semget',
    'mq_open',
    'settimeofday',
    'clock_settime',
    'clock_adjtime',
    'adjtimex',
    'sethostname',
  ],
];

/** Numbers as the kernel's own headers have them, where they are installed. */
function headerNumbers(file: string): ReadonlyMap<string, number> | null {
  try {
    const text = readFileSync(file, 'utf8');
    const defined = text.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm);
    return new Map([...defined].map(([, name = '', number]) => [name, Number(number)]));
  } catch {
    return null;
  }
}

describe.each<[Processor, string]>([
  ['x64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
  ['arm64', '/usr/include/asm-generic/unistd.h'],
])('the numbers of %s', (processor, file) => {
  const numbers = headerNumbers(file);

  it.runIf(numbers !== null)('are those of the kernel', () => {
    for (const name of SYSCALL_NAMES) {
      const inHeader = numbers?.get(name === 'newfstatat' && processor === 'arm64' ? 'fstatat' : name);
      const isOld = processor === 'arm64' && ['stat', 'lstat'].includes(name);
      expect(syscallNumber(name, processor), name).toBe(isOld ? null : (inHeader ?? null));
    }
  });

  it.runIf(numbers !== null)('of what is dangerous are refused', () => {
    const verdict = judge(processor);
    for (const name of dangerous) {
      const nr = numbers?.get(name);
      // Of the other processor alone.
      if (nr !== undefined) expect([REFUSE, NO_SUCH_CALL], name).toContain(verdict(nr, [0, 0, 0]));
    }
  });
});

it('does not take a call twice', () => {
  const policy: SyscallPolicy = { allowed: ['read'], allowedIf: {}, absent: ['read'] };
  expect(() => seccompFilter(policy, 'x64')).toThrow('twice');
});

it('allows nothing where nothing is allowed', () => {
  const program = seccompFilter({ allowed: [], allowedIf: {}, absent: [] }, 'x64');
  expect(interpret(program, call(0, AUDIT_ARCH.x64))).toBe(REFUSE);
  expect(interpret(program, call(600, AUDIT_ARCH.x64))).toBe(NO_SUCH_CALL);
});
