// SPDX-License-Identifier: Apache-2.0
/** The bytes of a chunk, from the first to the last. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads the Content-Range of a chunk, which has a form of its own here: `0-1023` (distribution-spec, "Pushing a blob
 * in chunks").
 *
 * @returns undefined for what is not of this form, or ends before it begins
 */
export function parseByteRange(text: string): ByteRange | undefined {
  const [, firstText, lastText] = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? [];
  if (firstText === undefined || lastText === undefined) return undefined;
  const first = Number(firstText);
  const last = Number(lastText);
  return first <= last ? { first, last } : undefined;
}

/** The Range that says how much of an upload is there. Of nothing it says `0-0`, as all registries do. */
export const receivedRange = (receivedBytes: number): string => `0-${Math.max(receivedBytes - 1, 0)}`;
