// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { ImportRequest } from '../../registry-imports/import-request.ts';
import { AnswerError } from '../exit-code.ts';
import type { DatastoreClient } from '../registry/datastore-client.ts';
import { beginImport, type FollowedJob, followImport } from './follow-imports.ts';
import { type ImportView, jobDocument, outcomeText } from './import-views.ts';
import type { MirrorEntry } from './mirror-list.ts';

/** What came of an entry. */
type Outcome =
  | { readonly kind: 'ended'; readonly job: FollowedJob }
  | { readonly kind: 'refused'; readonly from: string; readonly reason: string };

/** The datastore does two at once: with the next ones waiting it never stands still. */
const AT_ONCE = 4;

const isDone = (outcome: Outcome) => outcome.kind === 'ended' && outcome.job.state === 'done';

/** What came of all entries, as one document. */
export const mirrorDocument = (outcomes: readonly Outcome[]): object => ({
  images: outcomes.map((outcome) =>
    outcome.kind === 'ended'
      ? jobDocument(outcome.job)
      : { source: outcome.from, state: 'failed', failure: { code: 'REFUSED', message: outcome.reason } },
  ),
  failed: outcomes.filter((outcome) => !isDone(outcome)).length,
});

/**
 * Has all entries of a list imported. One that fails stops no other.
 *
 * @throws AnswerError where the datastore itself does not answer any more
 */
export async function mirror(
  client: DatastoreClient,
  entries: readonly MirrorEntry[],
  view: ImportView,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];

  async function importEntry(request: ImportRequest): Promise<Outcome> {
    try {
      const job = await followImport(client, await beginImport(client, request), view.look, signal);
      return { kind: 'ended', job };
    } catch (error) {
      const isOver = error instanceof AnswerError && error.code === 'DATASTORE_UNREACHABLE';
      if (isOver || !(error instanceof CodedError)) throw error;
      return { kind: 'refused', from: request.source, reason: errorMessage(error) };
    }
  }

  async function lane(waiting: Iterator<[number, MirrorEntry]>): Promise<void> {
    for (let next = waiting.next(); next.done !== true && !signal.aborted; next = waiting.next()) {
      const [index, entry] = next.value;
      const outcome: Outcome =
        entry.kind === 'wrong' ? { ...entry, kind: 'refused' } : await importEntry(entry.request);
      outcomes[index] = outcome;
      view.say(
        outcome.kind === 'ended' ? outcomeText(outcome.job) : `${outcome.from}  failed: ${outcome.reason}`,
      );
    }
  }

  const waiting = entries.entries();
  await Promise.all(Array.from({ length: AT_ONCE }, () => lane(waiting)));
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** What a person is told in the end. */
export function mirrorSummary(outcomes: readonly Outcome[]): {
  readonly sentence: string;
  readonly failed: number;
} {
  const failed = outcomes.filter((outcome) => !isDone(outcome)).length;
  const done = outcomes.length - failed;
  return {
    failed,
    sentence: `${done} of ${outcomes.length} entries were imported${failed === 0 ? '' : `, ${failed} failed`}`,
  };
}
