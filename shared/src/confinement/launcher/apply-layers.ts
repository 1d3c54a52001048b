// SPDX-License-Identifier: Apache-2.0
import { statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { errorMessage } from '../../errors.ts';
import { encodeProgram } from '../filters/bpf-program.ts';
import { calfSyscalls } from '../filters/calf-syscalls.ts';
import { seccompFilter } from '../filters/seccomp-filter.ts';
import type { Processor } from '../filters/syscall-numbers.ts';
import {
  becomeUser,
  dieWithParent,
  dropBoundingSet,
  dropCapabilities,
  installSyscallFilter,
  keepDescriptorsBelow,
  refuseNewPrivileges,
  setLimit,
} from '../system/confine.ts';
import { type FileRule, refuseOtherFiles } from '../system/file-rules.ts';
import { CLONE, PR, RLIMIT } from '../system/kernel-constants.ts';
import { openLibc } from '../system/libc.ts';
import { prepareExecution } from './execute-once.ts';
import type { LaunchOrder } from './launch-order.ts';
import { calfEnvironment, nodeArguments } from './node-arguments.ts';
import { enterPrivateRoot } from './private-root.ts';
import { readLayers } from './read-layers.ts';

/** What the launcher knows of the process that it is. */
export interface LauncherProcess {
  /** Node, as a path without links. */
  readonly node: string;
  /** The shared libraries that Node has, by the paths that the loader found them at. */
  readonly libraries: readonly string[];
  readonly processor: Processor;
  parentPid(): number;
  chdir(path: string): void;
  /** Tells of a layer that is missing. */
  tell(line: string): void;
}

/** Threads of all processes of a calf's own user, those of other agents of this host, too. */
const THREADS = 512;
/**
 * What V8 sets aside for the code of each thread that runs JavaScript, and makes writable at once: counted as memory of
 * the process, though hardly any of it is ever used.
 */
const CODE_RANGE_BYTES = 512 * 1024 * 1024;
/** The first to be ended where memory is short (proc(5), oom_score_adj): what is lost starts again. */
const EARLY_VICTIM = '700';

/**
 * Takes from this process whatever a calf shall not have, and executes Node in its place. What cannot be had of the layers
 * that need a right is told, and left out; a failure of any other ends the launch.
 *
 * @throws SystemError and others: nothing was executed, and the process is not to go on
 */
export function becomeCalf(order: LaunchOrder, own: LauncherProcess): never {
  const libc = openLibc();
  const before = readLayers('self');
  const attempt = (layer: string, take: () => void) => {
    try {
      take();
      return true;
    } catch (error) {
      own.tell(`${layer} cannot be had: ${errorMessage(error)}`);
      return false;
    }
  };
  // A mistake of the order, and no layer that is missing.
  for (const { path } of order.visible) statSync(path);
  // While there is a /proc. What is opened from here on is closed by the execution as well.
  keepDescriptorsBelow(order.firstClosed);
  attempt('a place among the first to be ended', () =>
    writeFileSync('/proc/self/oom_score_adj', EARLY_VICTIM),
  );
  takeNamespaces(order, own, attempt);
  if (order.dropsBoundingSet) attempt('an empty bounding set', dropBoundingSet);
  const { user } = order;
  const isOwnUser = user !== null && attempt('a user of its own', () => becomeUser(user));
  // Where there is none, a filter of the service may not even let it be said.
  if (before === null || (before.capPrm | before.capAmb) !== 0n) dropCapabilities();
  refuseNewPrivileges();
  // After the user, which takes it back; and it may have been too late.
  dieWithParent(constants.signals.SIGKILL);
  if (own.parentPid() !== order.parent) throw new Error('the agent has ended');
  // Until the execution, which takes it back.
  libc.prctl(PR.SET_DUMPABLE, 0, 0, 0, 0);
  attempt('the rule that it uses no other file', () => refuseOtherFiles(fileRules(order, own)));

  const folders = own.libraries.map((path) => path.slice(0, path.lastIndexOf('/')));
  const environment = calfEnvironment([...new Set(folders)]);
  const execution = prepareExecution(own.node, nodeArguments(order, own.node), environment);
  const policy = calfSyscalls({
    executedPath: execution.pathAddress,
    mayOpenToWrite: order.visible.some(({ isWritable }) => isWritable),
  });
  const filter = encodeProgram(seccompFilter(policy, own.processor));
  setLimit(RLIMIT.CORE, 0);
  setLimit(RLIMIT.NOFILE, order.limits.openFiles);
  setLimit(RLIMIT.FSIZE, order.limits.fileBytes ?? 0);
  if (isOwnUser) setLimit(RLIMIT.NPROC, THREADS);
  const { memoryBytes, workers = 0 } = order.limits;
  setLimit(RLIMIT.DATA, memoryBytes + (1 + workers) * CODE_RANGE_BYTES);
  installSyscallFilter(filter);
  return execution.run();
}

/** What Node starts from, and what the calf is shown. */
const fileRules = ({ visible }: LaunchOrder, { node, libraries }: LauncherProcess): readonly FileRule[] => [
  ...[node, ...libraries].map((path) => ({ path, use: 'execute' as const })),
  ...visible.map(({ path, isWritable }) => ({
    path,
    use: isWritable ? ('write' as const) : ('read' as const),
  })),
];

function takeNamespaces(
  { hasNamespaces, visible }: LaunchOrder,
  { node, libraries, chdir }: LauncherProcess,
  attempt: (layer: string, take: () => void) => boolean,
): void {
  if (!hasNamespaces) return;
  const { unshare } = openLibc();
  attempt('a network namespace', () => unshare(CLONE.NEWNET));
  attempt('an IPC namespace', () => unshare(CLONE.NEWIPC));
  attempt('a UTS namespace', () => unshare(CLONE.NEWUTS));
  const needed = [node, ...libraries].map((path) => ({ path, isWritable: false }));
  attempt('a mount namespace', () => enterPrivateRoot([...visible, ...needed], chdir));
}
