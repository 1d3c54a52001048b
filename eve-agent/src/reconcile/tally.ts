// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from './judge-failure.ts';

/** How downloads and checks ended, counted from the start of the program. */
export interface Tally {
  noteVerified(receivedBytes: number): void;
  noteFailure(code: FailureCode): void;
  downloadsVerified(): number;
  /** By downloads that ended with a verified file. */
  receivedBytes(): number;
  failures(): ReadonlyMap<string, number>;
}

export function createTally(): Tally {
  let verified = 0;
  let receivedBytes = 0;
  const failures = new Map<string, number>();
  return {
    noteVerified(bytes) {
      verified += 1;
      receivedBytes += bytes;
    },
    noteFailure: (code) => void failures.set(code, (failures.get(code) ?? 0) + 1),
    downloadsVerified: () => verified,
    receivedBytes: () => receivedBytes,
    failures: () => failures,
  };
}
