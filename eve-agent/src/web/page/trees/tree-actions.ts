// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus, Hold } from '@local-datastore/shared/eve/content-tree-status';

/** What a person may ask of a content tree, as the API calls it. */
export type TreeAction = 'retry' | 'pause' | 'resume' | 'cancel';

/** What a person asked for, in place of what the state means. */
export const HOLD_TEXTS: Readonly<Partial<Record<Hold, string>>> = {
  paused: 'it is paused: what has come stays',
  cancelled: 'it is cancelled: nothing is fetched until somebody resumes it',
};

/** What can be asked of a content tree as it is. The agent refuses what it cannot do, whatever is asked. */
export function actionsOf({
  State,
  Hold,
  Error: error,
}: Pick<ContentTreeStatus, 'State' | 'Hold' | 'Error'>): readonly TreeAction[] {
  // What holds it may be cancelled still; what is cancelled has nothing that could be.
  if (Hold === 'paused') return ['resume', 'cancel'];
  if (Hold === 'cancelled') return ['resume'];
  if (State === 'VERIFIED') return error === '' ? [] : ['retry'];
  return ['retry', 'pause', 'cancel'];
}
