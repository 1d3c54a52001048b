// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import type { importReportSchema } from '../../http/routes/registry-import.ts';
import type { DatastoreClient } from '../registry/datastore-client.ts';
import type { Progress } from './progress.ts';

export type ImportReport = z.infer<ReturnType<typeof importReportSchema>>;

/** What is to be imported, and how. */
export interface ImportRequest {
  /** As it was said; the kinds tell sources apart by it. */
  readonly source: string;
  /** How the image is to be called; undefined: as the source calls it. */
  readonly as: string | undefined;
  /** Such as `linux/arm64`; none: all that there are. */
  readonly platforms: readonly string[];
}

/** What an import works with. */
export interface ImportDeps {
  readonly client: DatastoreClient;
  readonly progress: Progress;
  /** What `-` reads. */
  readonly input: AsyncIterable<Uint8Array>;
  /** The environment of the process, as far as engines are found by it. */
  readonly dockerHost: string | undefined;
  readonly signal: AbortSignal;
}

/** What became of a source. */
export type ImportOutcome =
  | { readonly kind: 'report'; readonly source: string; readonly report: ImportReport }
  /** @property error foreseen by exit-code.ts, or not */
  | { readonly kind: 'failed'; readonly source: string; readonly error: unknown };

/** What becomes of a source by some work. */
export async function outcomeOf(source: string, work: () => Promise<ImportReport>): Promise<ImportOutcome> {
  try {
    return { kind: 'report', source, report: await work() };
  } catch (error) {
    return { kind: 'failed', source, error };
  }
}

/** One kind of source: a file of its own for each. */
export interface ImportKind {
  /** How a source of this kind is written, for people. */
  readonly form: string;
  isKindOf(source: string): boolean;
  /**
   * Imports sources one after another, unless they belong together. What one of them fails of is its outcome: the
   * others go on.
   */
  importFrom(requests: readonly ImportRequest[], deps: ImportDeps): AsyncIterable<ImportOutcome>;
}
