// SPDX-License-Identifier: Apache-2.0
/** Bytes of content, the last one included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads `Range` (RFC 9110 §14.2).
 *
 * @returns `whole`: none, or one of a form that may be passed over; `none`: nothing of it is there
 */
export function parseByteRange(text: string | undefined, sizeBytes: number): ByteRange | 'whole' | 'none' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return 'whole';
  const [from, to] = [match[1] ?? '', match[2] ?? ''];
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  const first = from === '' ? Math.max(sizeBytes - Number(to), 0) : Number(from);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return 'whole';
  return first > last ? 'none' : { first, last };
}
