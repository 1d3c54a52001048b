// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import { errorMessage } from '../../errors.ts';

/** Something that a person has begun, and that may fail. */
export interface Attempt {
  readonly isBusy: boolean;
  /** Why the last one failed, as a sentence. */
  readonly failure: string | undefined;
  /** Does it; what it throws becomes the failure. */
  run(work: () => Promise<void>): Promise<void>;
}

export function useAttempt(): Attempt {
  const [failure, setFailure] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  return {
    isBusy,
    failure,
    async run(work) {
      setIsBusy(true);
      setFailure(undefined);
      try {
        await work();
      } catch (error) {
        setFailure(errorMessage(error));
      } finally {
        setIsBusy(false);
      }
    },
  };
}
