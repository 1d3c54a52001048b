// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { lineOf, type NewChange, type NoteChange } from './change.ts';
import { createChangeWriter } from './change-writer.ts';
import { createLineFiles } from './line-files.ts';
import { createChangeReader, type ReadChanges } from './read-changes.ts';
import { createRefusals, type Refusals } from './refusals.ts';

/** Who changed what, and when: told, written down, and read again. */
export interface Changes {
  readonly note: NoteChange;
  /** What was to be changed, and was not let. */
  readonly noteRefusal: Refusals['note'];
  /** With all that was noted before. */
  readonly read: ReadChanges;
  /** Writes what waits still. Never rejects. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
/** Ten thousands of changes. */
const MADE = { maxFileBytes: MIB, maxFiles: 8 };
const REFUSED = { maxFileBytes: MIB, maxFiles: 2 };

const filesBelow = (stateDirectory: string) => ({
  made: createLineFiles({ folder: join(stateDirectory, 'changes'), ...MADE }),
  refused: createLineFiles({ folder: join(stateDirectory, 'refusals'), ...REFUSED }),
});

/** Reads the record of a datastore that may be running: it makes nothing. */
export const createRecordReader = (stateDirectory: string): ReadChanges =>
  createChangeReader(filesBelow(stateDirectory));

/** Opens the record in a state directory; other processes may have it open as well. */
export function openChanges(
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  { stateDirectory, now = () => new Date() }: { readonly stateDirectory: string; readonly now?: () => Date },
): Changes {
  const files = filesBelow(stateDirectory);
  const made = createChangeWriter({ log, clock, files: files.made, now });
  const refused = createChangeWriter({ log, clock, files: files.refused, now });
  const refusals = createRefusals({ clock, tell: (change) => refused.add(lineOf(change, now())) });
  const read = createChangeReader(files);
  return {
    note(change: NewChange, message) {
      log.info(change, message);
      made.add(lineOf(change, now()));
    },
    noteRefusal: refusals.note,
    async read(query) {
      await Promise.all([made.flush(), refused.flush()]);
      return read(query);
    },
    async close() {
      refusals.tell();
      await Promise.all([made.close(), refused.close()]);
    },
  };
}
