// SPDX-License-Identifier: Apache-2.0
import type { Spread } from './measure.ts';

/** `1.23 (1.10–1.40)`: median, then the least and the greatest. */
export function formatSpread({ median, minimum, maximum }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${minimum.toFixed(digits)}–${maximum.toFixed(digits)})`;
}

/** A table in Markdown, aligned so that a terminal shows it well too. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
