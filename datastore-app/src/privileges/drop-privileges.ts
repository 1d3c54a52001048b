// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { type HandOver, handOver } from './hand-over.ts';
import type { ServiceUser } from './service-user.ts';

/** What of `process` says and changes who the program is. */
export interface ProcessIdentity {
  getuid(): number;
  setgroups(groups: number[]): void;
  setgid(gid: number): void;
  setuid(uid: number): void;
}

/** Node's `process`, which has these on every system but Windows. */
export function currentProcess(): ProcessIdentity {
  const { getuid, setgroups, setgid, setuid } = process;
  if (!getuid || !setgroups || !setgid || !setuid) {
    throw new ConfigurationError('--user needs a system with user numbers');
  }
  return { getuid, setgroups, setgid, setuid };
}

/** Whether the program is root and is to become somebody else. */
export const willDropPrivileges = (identity: ProcessIdentity, user: ServiceUser | undefined): boolean =>
  user !== undefined && user.uid !== 0 && identity.getuid() === 0;

/**
 * Where the program was started as root and has a user to become: gives the volumes to that user, and
 * becomes it for good. All capabilities go with it. Does nothing otherwise.
 *
 * @returns what became of each volume; none: nothing was to be given away
 * @throws ConfigurationError when the kernel does not let it, as without CAP_SETUID
 */
export async function dropPrivileges(
  identity: ProcessIdentity,
  user: ServiceUser | undefined,
  volumes: readonly string[],
): Promise<readonly HandOver[]> {
  if (user === undefined || !willDropPrivileges(identity, user)) return [];
  const handedOver: HandOver[] = [];
  for (const volume of volumes) handedOver.push(await handOver(volume, user));
  try {
    // The user last: who is no longer root may change neither.
    identity.setgroups([]);
    identity.setgid(user.gid);
    identity.setuid(user.uid);
  } catch (error) {
    const name = `${user.uid}:${user.gid}`;
    throw new ConfigurationError(
      `started as root, the program may not become the user ${name} of --user (${errorMessage(error)}): ` +
        `start it as that user ("docker run --user ${name}", in compose "user: ${name}"), ` +
        'leave it the capabilities SETUID and SETGID, or let it stay root with DATASTORE_USER=0',
      { cause: error },
    );
  }
  return handedOver;
}
