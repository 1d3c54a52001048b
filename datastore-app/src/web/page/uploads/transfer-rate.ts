// SPDX-License-Identifier: Apache-2.0
/** Tells how fast a transfer goes, over the last seconds. */
export interface TransferRate {
  /** Takes over how far the transfer is. */
  note(bytes: number, nowMs: number): void;
  /** undefined: too early to tell. */
  bytesPerSecond(): number | undefined;
  /** After a pause. */
  reset(): void;
}

const WINDOW_MS = 5000;
const LEAST_MS = 800;
/** One sample in so long is enough: events may come a hundred times a second. */
const SAMPLE_MS = 200;

export function createTransferRate(): TransferRate {
  let samples: { readonly bytes: number; readonly atMs: number }[] = [];
  return {
    note(bytes, nowMs) {
      const last = samples.at(-1);
      if (last !== undefined && nowMs - last.atMs < SAMPLE_MS) return;
      samples.push({ bytes, atMs: nowMs });
      while (samples.length > 2 && nowMs - (samples[0]?.atMs ?? nowMs) > WINDOW_MS) samples.shift();
    },
    bytesPerSecond() {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS) return undefined;
      return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs));
    },
    reset() {
      samples = [];
    },
  };
}
