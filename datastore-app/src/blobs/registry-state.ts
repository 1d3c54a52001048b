// SPDX-License-Identifier: Apache-2.0
import { countText } from '@local-datastore/shared/text/quantities';
import type { BlobCounts } from './blob-table.ts';

/** What the registry's store is doing, for people and for Prometheus. */
export interface RegistryState extends BlobCounts {
  readonly repositories: number;
  readonly uploads: number;
  /** Bytes that were moved to the trash since the start. */
  readonly collectedBytes: number;
  /** Repositories whose records cannot be read. */
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
  /** What else could not be read, as sentences. */
  readonly troubles: readonly string[];
}

/** What a person should know of, as sentences, without names of repositories: not everybody may see those. */
export function warningsOf({ damaged, unreadable, troubles }: RegistryState): string[] {
  return [
    ...(unreadable.length > 0
      ? [
          `The records of ${unreadable.length} repositories cannot be read, and nothing is collected: see the log.`,
        ]
      : []),
    ...(troubles.length > 0 ? ['A part of the registry cannot be read: see the log.'] : []),
    ...(damaged > 0
      ? [`${countText(damaged, 'blob')} of container images damaged or missing: push them again.`]
      : []),
  ];
}
