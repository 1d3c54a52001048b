// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/**
 * util-linux's, which every Debian has. Not by a call of our own: the kernel gives a user namespace to a process of one
 * thread alone, and Node has several.
 */
const UNSHARE = ['/usr/bin/unshare', '--user', '--map-root-user'] as const;
const ALL = ['--net', '--mount', '--ipc', '--uts'];
/** Only ends what hangs. */
const LIMIT_MS = 10_000;

/** What stands before a command that is to run in a user namespace, as its root. */
export const IN_USER_NAMESPACE = [...UNSHARE, '--'] as const;

let answer: boolean | undefined;

/** Whether namespaces can be made in a user namespace, tried once. An image may lack the program, a kernel the right. */
export function canUnshareUser(): boolean {
  const [program, ...args] = UNSHARE;
  const command = [...args, ...ALL, '--', program, '--version'];
  answer ??= spawnSync(program, command, { env: {}, stdio: 'ignore', timeout: LIMIT_MS }).status === 0;
  return answer;
}
