// SPDX-License-Identifier: Apache-2.0
import { parseProblem } from '@local-datastore/shared/page/api-error';
import { sizeText } from '@local-datastore/shared/text/quantities';

/** What the datastore answers to an archive, as far as it is shown. */
interface ImportReport {
  readonly images: readonly {
    readonly repository: string;
    readonly tag: string;
    readonly newBytes: number;
  }[];
  readonly failed: readonly { readonly name: string; readonly message: string }[];
  readonly notices: readonly string[];
}

/** How an import ended. */
export interface ArchiveOutcome {
  readonly isDone: boolean;
  /** Sentences: what was imported, what was not and why, what else there is to know. */
  readonly sentences: readonly string[];
}

const isReport = (document: object): document is ImportReport => 'images' in document && 'failed' in document;

/**
 * Reads what was answered to an archive.
 *
 * @param status of HTTP; 0: there was no answer
 */
export function outcomeOf(status: number, body: string): ArchiveOutcome {
  if (status === 0) {
    const sentence =
      'The datastore does not answer, or has broken off the connection: the archive may be damaged, or there is no room.';
    return { isDone: false, sentences: [sentence] };
  }
  const document = parseProblem(body);
  if (!isReport(document)) {
    return { isDone: false, sentences: [document.detail ?? `The datastore answered ${status}.`] };
  }
  const { images, failed, notices } = document;
  return {
    isDone: images.length > 0 && failed.length === 0,
    sentences: [
      ...images.map(
        ({ repository, tag, newBytes }) => `${repository}:${tag}, ${sizeText(newBytes)} of it new`,
      ),
      ...failed.map(({ name, message }) => `${name}: ${message}`),
      ...notices,
    ],
  };
}
