import { displayWidth, padToWidth } from './display-width.ts';

/**
 * Headings and rows as lines, each column as wide as its widest cell.
 *
 * @param rightAligned the headings of columns that hold numbers
 */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: readonly string[] = [],
): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ''))));
  const sides = headings.map((heading) => (rightAligned.includes(heading) ? 'end' : 'start'));
  return all.map((row) =>
    row
      .map((cell, column) => padToWidth(cell, widths[column] ?? 0, sides[column]))
      .join('  ')
      .trimEnd(),
  );
}
