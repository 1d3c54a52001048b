// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { UpstreamError } from '../upstream-error.ts';

const AT_ONCE = 4;

/** What was found out of files. */
export interface Findings<File, Fact> {
  /** Of each file: what is known, or why nothing is, as a sentence. */
  readonly factOf: (file: File) => { readonly fact: Fact } | { readonly reason: string };
  /** Whether some may say more at the next look. */
  readonly isComplete: boolean;
}

/** Asks for something of each of many files, which a list does not say: once a file, and a few at a time. */
export interface FileInquiry<File, Fact> {
  /** @throws the signal's reason; then what was found stays for the next time */
  learn(files: readonly File[], signal: AbortSignal): Promise<Findings<File, Fact>>;
}

/**
 * @param options.keyOf the same as long as what is asked for is the same
 * @param options.ask throws UpstreamError
 */
export function createFileInquiry<File, Fact>({
  keyOf,
  ask,
}: {
  keyOf(file: File): string;
  ask(file: File, signal: AbortSignal): Promise<Fact>;
}): FileInquiry<File, Fact> {
  let known = new Map<string, { readonly fact: Fact }>();

  return {
    async learn(files, signal) {
      const reasons = new Map<string, string>();
      let isComplete = true;
      const wanted = new Map(files.map((file) => [keyOf(file), file]));
      const queue = [...wanted].filter(([key]) => !known.has(key)).values();
      const work = async () => {
        for (const [key, file] of queue) {
          try {
            known.set(key, { fact: await ask(file, signal) });
          } catch (error) {
            if (!(error instanceof UpstreamError) || signal.aborted) throw error;
            isComplete &&= !error.retryable;
            reasons.set(key, errorMessage(error));
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      // Of files that are listed no more nothing is remembered.
      known = new Map([...known].filter(([key]) => wanted.has(key)));
      const facts = known;
      return {
        factOf: (file) =>
          facts.get(keyOf(file)) ?? { reason: reasons.get(keyOf(file)) ?? 'nothing is known' },
        isComplete,
      };
    },
  };
}
