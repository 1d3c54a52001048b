// SPDX-License-Identifier: Apache-2.0
import { fieldText } from '@local-datastore/shared/text/field-text';

/** A line of the log, as the API gives it. */
export interface LogLine {
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** From the least to the most serious. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** As many as the datastore keeps. */
const MAX_LINES = 1000;

/** `key=value …`, values in quotes where their end could not be seen. */
export const fieldsText = (fields: LogLine['fields']): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key}=${fieldText(value)}`)
    .join(' ');

/** With lines that have come; the oldest are forgotten. */
export const withLines = (lines: readonly LogLine[], more: readonly LogLine[]): LogLine[] =>
  [...lines, ...more].slice(-MAX_LINES);

/** The lines of at least this level that hold every word of the search. */
export function findLines(lines: readonly LogLine[], least: Level, search: string): LogLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const from = LEVELS.indexOf(least);
  return lines.filter((line) => {
    if (LEVELS.indexOf(line.level as Level) < from) return false;
    if (words.length === 0) return true;
    const text = `${line.message} ${fieldsText(line.fields)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
