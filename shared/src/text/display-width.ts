// SPDX-License-Identifier: Apache-2.0
import { eastAsianWidth } from 'get-east-asian-width';
import { isPlainText } from './printable-text.ts';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What stands on the character before it, and joins that hold no cell of their own. */
const WITHOUT_CELL = /^[\p{M}\p{Cf}]/u;
const EMOJI = /^\p{RGI_Emoji}/v;

/** The cells of a terminal that one character takes, as people count characters: with its accents. */
function widthOf(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  if (WITHOUT_CELL.test(grapheme)) return 0;
  // By Unicode's annex 11; what is ambiguous is narrow, as on all terminals but East Asian ones.
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0);
}

/** How many cells of a terminal a text takes, in which nothing acts on it: two for 漢, one for é, however it is written. */
export function displayWidth(text: string): number {
  if (isPlainText(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment);
  return width;
}

/** A text filled up with spaces, to the right or, with `end`, to the left. */
export function padToWidth(text: string, width: number, side: 'start' | 'end' = 'start'): string {
  const filling = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return side === 'start' ? text + filling : filling + text;
}

/** The beginning of a text that fits into so many cells; no character is cut apart. */
export function cutToWidth(text: string, width: number): string {
  if (isPlainText(text)) return text.slice(0, Math.max(0, width));
  let left = width;
  let cut = '';
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    cut += segment;
  }
  return cut;
}

/** A text that fits, or its beginning with an ellipsis. */
export function shortenToWidth(text: string, width: number): string {
  return displayWidth(text) <= width ? text : `${cutToWidth(text, width - 1)}…`;
}
