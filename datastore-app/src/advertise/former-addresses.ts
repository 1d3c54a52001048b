// SPDX-License-Identifier: Apache-2.0
/** How long what was said with an address may still be on its way back. */
const ECHO_LIMIT_MS = 10_000;

/** The addresses that this host had until a moment ago. */
export interface FormerAddresses {
  /** Must be told of all addresses at every look. */
  note(current: readonly string[]): void;
  has(address: string): boolean;
}

/** Remembers addresses for as long as an echo may take; at most those of a few changes. */
export function createFormerAddresses({ nowMs }: { readonly nowMs: () => number }): FormerAddresses {
  let current: readonly string[] = [];
  const goneAtMs = new Map<string, number>();
  const isRecent = (atMs: number) => nowMs() - atMs < ECHO_LIMIT_MS;
  return {
    note(next) {
      for (const address of current) if (!next.includes(address)) goneAtMs.set(address, nowMs());
      current = next;
      for (const [address, atMs] of goneAtMs) if (!isRecent(atMs)) goneAtMs.delete(address);
    },
    has: (address) => {
      const atMs = goneAtMs.get(address);
      return atMs !== undefined && isRecent(atMs);
    },
  };
}
