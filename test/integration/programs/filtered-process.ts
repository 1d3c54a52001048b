// SPDX-License-Identifier: Apache-2.0
/**
 * A process of root that puts the filter of calves on itself, executes Node as a launcher does, and calls the kernel past
 * that, as a calf would whose Node was taken over. Prints a line of JSON: of each call the name of its errno, or `done`.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { calfSyscalls } from '@local-datastore/shared/confinement/filters/calf-syscalls';
import { seccompFilter } from '@local-datastore/shared/confinement/filters/seccomp-filter';
import { isProcessor } from '@local-datastore/shared/confinement/filters/syscall-numbers';
import { prepareExecution } from '@local-datastore/shared/confinement/launcher/execute-once';
import {
  installSyscallFilter,
  keepDescriptorsBelow,
  refuseNewPrivileges,
} from '@local-datastore/shared/confinement/system/confine';
import { loadKoffi } from '@local-datastore/shared/confinement/system/load-koffi';
import { errnoName } from '@local-datastore/shared/confinement/system/system-error';

const { arch } = process;
if (!isProcessor(arch)) throw new Error(`there is no filter for ${arch}`);
const koffi = loadKoffi();
const syscall = koffi
  .load(null)
  .func('long syscall(long number, void *a, long b, long c, long d, long e, long f)') as (
  number: number,
  a: unknown,
  ...rest: number[]
) => number;

/** x64, arm64: of calls that a calf is to be refused; null: the processor has none of this name. */
const CALLS: Readonly<Record<string, readonly [number | null, number | null, ...unknown[]]>> = {
  socket: [41, 198, 2, 1, 0],
  connect: [42, 203, 0, 0, 16],
  bind: [49, 200, 0, 0, 16],
  listen: [50, 201, 0, 1],
  socketpair: [53, 199, 1, 1, 0],
  ptrace: [101, 117, 16, 1, 0],
  kill: [62, 129, 0, 0],
  tgkill: [234, 131, 1, 1, 0],
  pidfd_open: [434, 434, 1, 0],
  process_vm_readv: [310, 270, 1, 0, 0, 0, 0],
  io_uring_setup: [425, 425, 8, 0],
  userfaultfd: [323, 282, 0],
  keyctl: [250, 219, 0, -3, 1],
  bpf: [321, 280, 0, 0, 0],
  perf_event_open: [298, 241, 0, 0, -1, -1],
  mount: [165, 40, 'none', 0, 0, 0, 0],
  unshare: [272, 97, 0x40000000],
  setns: [308, 268, 0, 0],
  chroot: [161, 51, '/'],
  pivot_root: [155, 41, '.', 0],
  setuid: [105, 146, 0],
  setresuid: [117, 147, 0, 0, 0],
  setgroups: [116, 159, 0, 0],
  capset: [126, 91, 0, 0],
  seccomp: [317, 277, 1, 0, 0],
  fork: [57, null],
  vfork: [58, null],
  clone: [56, 220, constants.signals.SIGCHLD, 0, 0, 0, 0],
  clone3: [435, 435, 0, 0],
  execve: [59, 221, '/bin/true', 0, 0],
  execveat: [322, 281, -100, 0, 0, 0, 0],
  memfd_create: [319, 279, 'x', 0],
  open: [2, null, '/etc/passwd', 2],
  unlinkat: [263, 35, -100, 0, 0],
  sethostname: [170, 161, 'x', 1],
  adjtimex: [159, 171, 0],
  reboot: [169, 142, 0, 0, 0],
  init_module: [175, 105, 0, 0, 0],
  personality: [135, 92, 8],
  inotify_init1: [294, 26, 0],
  shmget: [29, 194, 0, 4096, 0o600],
  'a call of x32': [0x40000027, null],
  'a call of the future': [1000, 1000],
  // What it may.
  getpid: [39, 172],
  'the name of a thread': [157, 167, 15],
};

if (process.argv[2] === undefined) {
  const { execPath } = process;
  const execution = prepareExecution(execPath, [execPath, import.meta.filename, 'under the filter'], []);
  const policy = calfSyscalls({ executedPath: execution.pathAddress, mayOpenToWrite: false });
  keepDescriptorsBelow(3);
  refuseNewPrivileges();
  installSyscallFilter(encodeProgram(seccompFilter(policy, arch)));
  execution.run();
}

const told: Record<string, string> = {};
for (const [name, [x64, arm64, first = 0, ...rest]] of Object.entries(CALLS)) {
  const number = arch === 'x64' ? x64 : arm64;
  if (number === null) continue;
  const a = typeof first === 'string' ? Buffer.from(`${first}\0`) : BigInt(first as number);
  const padded = [...(rest as number[]), ...Array<number>(5 - rest.length).fill(0)];
  const result = syscall(number, a, ...padded);
  told[name] = result === -1 ? errnoName(koffi.errno()) : 'done';
}
writeSync(1, `${JSON.stringify(told)}\n`);
