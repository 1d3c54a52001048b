// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { RegistryAction } from '../access/registry-policy.ts';
import { ARCHIVES_NAMESPACE } from '../archives/archive-naming.ts';

/** Who imports. */
export interface ImportCaller {
  /** Such as `user:alice`. */
  readonly subject: string;
  /** The remote address. */
  readonly client: string;
  /** As RegistryAllowed has it. */
  may(action: RegistryAction, repository: string, reference?: string): boolean;
}

/**
 * The repository that has what somebody brought until it is named. Below `archives/` the store is asked for nothing by
 * anybody else; its leases keep the blobs for a day, so that chunks of a set may come one by one.
 */
export const stagingOf = ({ subject }: Pick<ImportCaller, 'subject'>): string =>
  `${ARCHIVES_NAMESPACE}/import-${createHash('sha256').update(subject).digest('hex').slice(0, 32)}`;
