// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { problemText } from '@local-datastore/shared/eve/config-entry';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { UnusableTree } from '@local-datastore/shared/eve/device-config';

const SAFE_KEY = /^[A-Za-z0-9._[\]-]{1,100}$/;

/** Under which name a status is written: a uuid as it is, and any place so that it is a file name. */
export function statusKeyOf(id: string): string {
  if (SAFE_KEY.test(id)) return id;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 8);
  return `${id.replace(/[^A-Za-z0-9._[\]-]/g, '_').slice(-80)}-${hash}`;
}

/** What an entry that cannot be used says in each status. */
const errorOf = ({ problems }: UnusableTree, atMs: number) =>
  ({
    ErrorTime: new Date(atMs).toISOString(),
    ErrorSeverity: 'SEVERITY_ERROR',
    ErrorCode: 'CONFIGURATION_INVALID',
    ErrorRetryCondition: 'waits for a change of the configuration',
    Error: problems.map(problemText).join('; '),
  }) as const;

/**
 * The status of an entry that cannot be used, with EVE's names.
 *
 * @param kept the status of what was configured under its uuid before, which stays; null: nothing was
 * @param atMs when the entry came, in milliseconds since the epoch
 */
export function unusableStatus(
  tree: UnusableTree,
  kept: ContentTreeStatus | null,
  atMs: number,
): ContentTreeStatus {
  const error = errorOf(tree, atMs);
  if (kept !== null) {
    const more = kept.Error === '' ? '' : ` (${kept.Error})`;
    return { ...kept, ...error, Error: `${error.Error}; what was configured before stays${more}` };
  }
  return {
    ContentID: tree.id,
    DisplayName: tree.displayName,
    DatastoreIDList: [],
    DatastoreID: '',
    RelativeURL: tree.url,
    Format: 'FmtUnknown',
    ContentSha256: '',
    MaxDownloadSize: 0,
    GenerationCounter: 0,
    State: 'INITIAL',
    Progress: 0,
    CurrentSize: 0,
    TotalSize: 0,
    ReservedSpace: 0,
    FileLocation: '',
    RefCount: 0,
    LastUse: '',
    RetryCount: 0,
    Hold: 'none',
    DownloadID: '',
    ...error,
  };
}
