// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util';
import { withPriority } from './journal.ts';
import { fieldText } from './text/field-text.ts';
import { safeJson } from './text/json-text.ts';
import { terminalText } from './text/printable-text.ts';
import { wrapWords } from './text/wrap-words.ts';

export const LOG_FORMATS = ['auto', 'text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Where a log is written, as far as its lines are laid out for it. */
export interface LogTerminal {
  readonly isTTY: boolean;
  /** It is systemd's, which takes a priority before each line. */
  readonly isJournal: boolean;
  /** undefined: lines have no end. */
  readonly columns: number | undefined;
  readonly hasColors: boolean;
}

const LEVEL_STYLES: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};
const LEVEL_CELLS = 5;
/** Behind the time and the level. */
const INDENT = ' '.repeat('12:34:56 '.length + LEVEL_CELLS + 1);
/** What stands elsewhere, and who wrote it, which is known to who looks at it. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);

/**
 * One line of a log for people: the time of day (UTC), the level, the sentence, and the fields as `key=value`. Nothing
 * in it acts on the terminal but the colours, which are ours.
 *
 * @param json a line as pino writes it
 * @returns lines with a line break at their end
 */
export function logText(
  json: string,
  { columns, hasColors }: Pick<LogTerminal, 'columns' | 'hasColors'>,
): string {
  const { level, time, msg, ...line } = JSON.parse(json) as Record<string, unknown>;
  const facts = Object.entries(line)
    .filter(([key, value]) => !LEFT_OUT.has(key) && value !== null)
    .map(([key, value]) => `${key}=${fieldText(value)}`);
  const timeOfDay = /T(\d\d:\d\d:\d\d)/.exec(String(time))?.[1] ?? '--:--:--';
  const word = String(level);
  const padding = ' '.repeat(Math.max(0, LEVEL_CELLS - word.length));
  const style = hasColors ? LEVEL_STYLES[word] : undefined;
  const shown = style === undefined ? word : styleText(style, word, { validateStream: false });
  const sentence = terminalText([String(msg ?? ''), ...facts].join(' ').replaceAll('\n', ' '));
  const room = Math.max(1, (columns ?? Number.POSITIVE_INFINITY) - INDENT.length);
  return `${timeOfDay} ${shown}${padding} ${wrapWords(sentence, room).join(`\n${INDENT}`)}\n`;
}

/** How lines are written in a format; undefined: as they are. */
export function logPresenter(
  format: LogFormat,
  terminal: LogTerminal,
): ((json: string) => string) | undefined {
  const isText = format === 'text' || (format === 'auto' && terminal.isTTY);
  if (!isText && !terminal.isJournal) return undefined;
  const present = isText ? (json: string) => logText(json, terminal) : safeJson;
  return terminal.isJournal ? (json) => withPriority(json, present(json)) : present;
}
