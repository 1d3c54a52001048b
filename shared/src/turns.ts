// SPDX-License-Identifier: Apache-2.0

/** Work that is done one after another, in the order in which it was asked for. */
export interface Turns {
  /** @returns what the work returns @throws what it throws, which stops none behind it */
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves once all that was asked for until now has been done, whatever came of it. */
  settled(): Promise<void>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work) {
      const done = last.then(work);
      last = done.catch(() => {});
      return done;
    },
    async settled() {
      await last;
    },
  };
}
