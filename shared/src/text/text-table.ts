// SPDX-License-Identifier: Apache-2.0
import { displayWidth, padToWidth } from './display-width.ts';
import { wrapLine } from './wrap-words.ts';

/** What is told of one thing. */
export interface TableRow {
  /** In the order of the headings. */
  readonly cells: readonly string[];
  /** Sentences that stand below it. */
  readonly notes?: readonly string[];
}

export interface TableOptions {
  /** The headings of columns that hold numbers. */
  readonly rightAligned?: readonly string[];
  /** Of the terminal; absent: whatever the widest line takes, as for a pipe. */
  readonly columns?: number | undefined;
}

const INDENT = '    ';
const GAP = '  ';

/** Cells beside each other, in as many lines as they need; no cell is broken. */
function packCells(cells: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const cell of cells) {
    const last = lines.at(-1);
    const longer = last === undefined ? undefined : `${last}${GAP}${cell}`;
    if (longer !== undefined && displayWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(`${INDENT}${cell}`);
  }
  return lines;
}

/** A row by itself: what it is called, and below it what stands in the other columns, each with its heading. */
function recordLines(
  headings: readonly string[],
  [name = '', ...others]: readonly string[],
  columns: number,
) {
  const named = others.flatMap((cell, i) =>
    cell === '' || cell === '-' ? [] : [`${headings[i + 1]?.toLowerCase()} ${cell}`],
  );
  return [name, ...packCells(named, columns)];
}

/**
 * A table, each column as wide as its widest cell. Where the terminal is narrower than that, each row stands by itself
 * in several lines: cut off in the middle, none could be read.
 *
 * @returns whole lines
 */
export function tableText(
  headings: readonly string[],
  rows: readonly TableRow[],
  { rightAligned = [], columns = Number.POSITIVE_INFINITY }: TableOptions = {},
): string {
  const all = [headings, ...rows.map(({ cells }) => cells)];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((cells) => displayWidth(cells[column] ?? ''))),
  );
  const sides = headings.map((heading) => (rightAligned.includes(heading) ? 'end' : 'start'));
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, column) => padToWidth(cell, widths[column] ?? 0, sides[column]))
      .join(GAP)
      .trimEnd();
  const isWide = all.every((cells) => displayWidth(lineOf(cells)) <= columns);
  const lines = rows.flatMap(({ cells, notes = [] }) => [
    ...(isWide ? [lineOf(cells)] : recordLines(headings, cells, columns)),
    ...notes.flatMap((note) => wrapLine(`${INDENT}${note}`, columns)),
  ]);
  return [...(isWide ? [lineOf(headings)] : []), ...lines].map((line) => `${line}\n`).join('');
}
