// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import { SYSCALL } from './kernel-constants.ts';
import { type Koffi, loadKoffi } from './load-koffi.ts';
import { SystemError } from './system-error.ts';

/**
 * An argument of a call: a number, an address, memory or a structure whose address is meant. What a structure holds is
 * read when the call is made, so that nothing can have moved or gone meanwhile.
 */
export type Argument = number | bigint | Uint8Array | string | object | null;

/** A function of the C library. */
type Call = (...args: Argument[]) => number;

/** Structures that hold addresses, by their names in {@link PROTOTYPES}. */
const STRUCTURES = {
  sock_fprog: { length: 'uint16_t', program: 'const void *' },
  iovec: { base: 'const void *', length: 'size_t' },
  msghdr: {
    name: 'const void *',
    nameLength: 'uint32_t',
    vectors: 'const iovec *',
    vectorCount: 'size_t',
    control: 'const void *',
    controlLength: 'size_t',
    flags: 'int',
  },
} as const;

/** Its functions that Node has nothing of. Each returns what the call does, and throws SystemError where it is refused. */
const PROTOTYPES = {
  unshare: 'int unshare(int flags)',
  setns: 'int setns(int fd, int type)',
  chroot: 'int chroot(const char *path)',
  prctl: 'int prctl(int option, long a, long b, long c, long d)',
  setgroups: 'int setgroups(size_t count, const void *groups)',
  setresgid: 'int setresgid(uint32_t real, uint32_t effective, uint32_t saved)',
  setresuid: 'int setresuid(uint32_t real, uint32_t effective, uint32_t saved)',
  capset: 'int capset(const void *header, const void *data)',
  setrlimit: 'int setrlimit(int resource, const void *limit)',
  mount:
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  umount2: 'int umount2(const char *target, int flags)',
  fcntl: 'int fcntl(int fd, int command, long argument)',
  ioctl: 'int ioctl(int fd, unsigned long request, void *argument)',
  pipe2: 'int pipe2(void *pair, int flags)',
  socketpair: 'int socketpair(int domain, int type, int protocol, void *pair)',
  sendmsg: 'long sendmsg(int fd, const msghdr *message, int flags)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
  getsockopt: 'int getsockopt(int fd, int level, int name, void *value, void *length)',
  shutdown: 'int shutdown(int fd, int how)',
  socket: 'int socket(int domain, int type, int protocol)',
  bind: 'int bind(int fd, const void *address, uint32_t length)',
  send: 'long send(int fd, const void *bytes, size_t length, int flags)',
  recvfrom:
    'long recvfrom(int fd, void *bytes, size_t length, int flags, void *address, void *addressLength)',
} as const;

export type Libc = Readonly<Record<keyof typeof PROTOTYPES, Call>> & {
  /** A call by its number; whatever the processor's number of it is. */
  syscall(name: keyof (typeof SYSCALL)['x64'], ...args: (number | bigint)[]): number;
  /** pivot_root(2). */
  pivotRoot(newRoot: string, oldRoot: string): number;
  /** A call that takes memory where others take a number, by its number. */
  syscallWithMemory(
    name: 'landlockCreateRuleset' | 'landlockAddRule',
    args: readonly (number | Uint8Array | null)[],
  ): number;
  /** seccomp(2) of a filter. */
  installFilter(operation: number, flags: number, program: object): number;
  /** setsockopt(2) of a filter. */
  attachFilter(fd: number, level: number, name: number, program: object, sizeBytes: number): number;
  /** Memory of its own, whose bytes are where they are for ever. */
  mapMemory(address: bigint, sizeBytes: number, protection: number, flags: number): Uint8Array;
};

const SYSCALL_ARGUMENTS = 6;
let opened: Libc | undefined;

/**
 * The C library, opened once.
 *
 * @throws Error koffi cannot be loaded, or the processor is not known
 */
export function openLibc(): Libc {
  opened ??= bind(loadKoffi());
  return opened;
}

function bind(koffi: Koffi): Libc {
  const processor = arch();
  if (processor !== 'x64' && processor !== 'arm64') throw new Error(`no calls are known of ${processor}`);
  const numbers = SYSCALL[processor];
  const library = koffi.load(null);
  for (const [name, members] of Object.entries(STRUCTURES)) koffi.struct(name, members);
  /** @returns a function that throws what the call refuses */
  const checked =
    (name: string, call: Call): Call =>
    (...args) => {
      const result = Number(call(...args));
      if (result === -1) throw new SystemError(name, koffi.errno());
      return result;
    };
  const functions = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, checked(name, library.func(prototype))]),
  ) as Record<keyof typeof PROTOTYPES, Call>;
  // Not by its own prototype with `...`: both processors pass six numbers in the same way with and without.
  const syscall = library.func('long syscall(long number, long a, long b, long c, long d, long e, long f)');
  const seccomp = library.func(
    'long syscall(long number, long operation, long flags, const sock_fprog *program)',
  );
  const pivotRoot = library.func('long syscall(long number, const char *newRoot, const char *oldRoot)');
  const createRuleset = library.func(
    'long syscall(long number, const void *attributes, size_t size, long flags)',
  );
  const addRule = library.func(
    'long syscall(long number, long ruleset, long type, const void *rule, long flags)',
  );
  const mmap = library.func(
    'intptr_t mmap(intptr_t address, size_t size, int protection, int flags, int fd, long offset)',
  );
  return {
    ...functions,
    syscall(name, ...args) {
      const padded = [...args, ...Array<number>(SYSCALL_ARGUMENTS - args.length).fill(0)];
      return checked(name, (...all) => syscall(numbers[name], ...all))(...padded);
    },
    pivotRoot: checked('pivot_root', (...all) => pivotRoot(numbers.pivotRoot, ...all)),
    syscallWithMemory: (name, args) =>
      checked(name, (...all) =>
        name === 'landlockAddRule' ? addRule(numbers[name], ...all) : createRuleset(numbers[name], ...all),
      )(...args),
    installFilter: checked('seccomp', (...all) => seccomp(numbers.seccomp, ...all)),
    attachFilter: checked(
      'setsockopt',
      library.func('int setsockopt(int fd, int level, int name, const sock_fprog *value, uint32_t length)'),
    ),
    mapMemory(address, sizeBytes, protection, flags) {
      const mapped = BigInt(mmap(address, sizeBytes, protection, flags, -1, 0));
      if (mapped === -1n) throw new SystemError('mmap', koffi.errno());
      return new Uint8Array(koffi.view(mapped, sizeBytes));
    },
  };
}
