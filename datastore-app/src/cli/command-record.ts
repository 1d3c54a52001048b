// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@local-datastore/shared/system-clock';
import { BY_HOST, type NewChange, type NoteChange } from '../changes/change.ts';
import { openChanges } from '../changes/open-changes.ts';
import type { Storage } from '../images/storage.ts';
import type { CommandContext } from './command-context.ts';

/** Of what a command does on the folders themselves. */
export const BY_COMMAND = { ...BY_HOST, via: 'command' } as const satisfies Partial<NewChange>;

/** The record of who changed what, for a command; a datastore that runs may write to it at the same time. */
export function openCommandRecord(
  { closing, createLog }: Pick<CommandContext, 'closing' | 'createLog'>,
  { state }: Pick<Storage, 'state'>,
): NoteChange {
  const changes = openChanges({ log: createLog('warn'), clock: systemClock }, { stateDirectory: state });
  closing.add(changes.close);
  return changes.note;
}
