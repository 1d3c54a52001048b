// SPDX-License-Identifier: Apache-2.0
/** Memory that decompressors may take together. */
export interface WindowBudget {
  /**
   * Waits until there is room, in the order of those who wait. Who wants more than there is at all gets all of it.
   *
   * @returns how to give it back
   */
  claim(bytes: number): Promise<() => void>;
}

export function createWindowBudget(totalBytes: number): WindowBudget {
  const waiting: { readonly bytes: number; readonly settle: () => void }[] = [];
  let freeBytes = totalBytes;

  function serve(): void {
    for (let [next] = waiting; next !== undefined && next.bytes <= freeBytes; [next] = waiting) {
      waiting.shift();
      freeBytes -= next.bytes;
      next.settle();
    }
  }

  return {
    claim(wantedBytes) {
      const bytes = Math.min(wantedBytes, totalBytes);
      let isHeld = true;
      const release = () => {
        if (!isHeld) return;
        isHeld = false;
        freeBytes += bytes;
        serve();
      };
      return new Promise((resolve) => {
        waiting.push({ bytes, settle: () => resolve(release) });
        serve();
      });
    },
  };
}
