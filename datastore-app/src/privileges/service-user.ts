// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';

/** Who a program that was started as root becomes. Numbers: an image need not know the names. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/** The kernel's highest number but one: -1 means "leave it as it is" to chown and setuid. */
const MAX_ID = 2 ** 32 - 2;

/**
 * Reads `UID` or `UID:GID`; without a group it has the user's number. 0 stays root.
 *
 * @throws ConfigurationError for anything else, names too
 */
export function parseServiceUser(text: string): ServiceUser {
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  const user = { uid: Number(uid), gid: Number(gid ?? uid) };
  if (uid !== undefined && user.uid <= MAX_ID && user.gid <= MAX_ID) return user;
  throw new ConfigurationError('a user as numbers expected, UID or UID:GID, such as 1000:1000');
}
