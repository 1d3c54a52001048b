// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { tableText } from '@local-datastore/shared/text/text-table';

/** What a person reads first: the state, or why it is not what it says. */
export function stateText({ State, Hold, Error: error }: ContentTreeStatus): string {
  if (Hold !== 'none' && State !== 'VERIFIED') return Hold;
  return (State === 'INITIAL' || State === 'RESOLVED_TAG') && error !== '' ? 'WAITING' : State;
}

/** What to show a tree as: its display name, else the end of its URL. */
export function nameOf({ DisplayName, RelativeURL }: ContentTreeStatus): string {
  return printableText(DisplayName || RelativeURL);
}

const HEADINGS = ['NAME', 'STATE', 'HERE', 'SIZE', 'TRIES', 'UUID'] as const;

/** The content trees as a table, each error below its row. @param columns of the terminal; absent: none */
export function statusTable(statuses: readonly ContentTreeStatus[], columns?: number): string {
  if (statuses.length === 0) return 'The configuration has no content trees.\n';
  const rows = statuses.map((status) => ({
    cells: [
      nameOf(status),
      stateText(status),
      `${status.Progress} %`,
      sizeText(status.TotalSize),
      String(status.RetryCount),
      status.ContentID,
    ],
    notes: [status.Error, status.ErrorRetryCondition].filter((note) => note !== '').map(printableText),
  }));
  return tableText(HEADINGS, rows, { rightAligned: ['HERE', 'SIZE', 'TRIES'], columns });
}
