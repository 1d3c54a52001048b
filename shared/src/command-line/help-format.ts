// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Help, OutputConfiguration } from 'commander';
import { displayWidth } from '../text/display-width.ts';
import { wrapWords } from '../text/wrap-words.ts';

/** Where help is written: texts of ours alone, which may act on the terminal. */
export interface HelpOutput {
  write(text: string): unknown;
  /** undefined: it is no terminal. */
  readonly columns: number | undefined;
  /** As the terminal, NO_COLOR and FORCE_COLOR have it. */
  readonly hasColors: boolean;
}

/** Longer lines are hard to read. */
const MAX_COLUMNS = 100;
/** Narrower than this, a description stands below its term rather than beside it. */
const MIN_DESCRIPTION_COLUMNS = 36;
const NARROW_INDENT = '      ';

/** How wide help is. */
const helpColumns = (help: HelpOutput | undefined): number =>
  Math.min(help?.columns ?? MAX_COLUMNS, MAX_COLUMNS);

/** What commander has to know of where a program writes. */
export function outputConfiguration({
  stdout,
  stderr,
  help,
}: {
  stdout: Pick<HelpOutput, 'write'>;
  stderr: Pick<HelpOutput, 'write'>;
  help?: HelpOutput;
}): OutputConfiguration {
  return {
    writeOut: (text) => (help ?? stdout).write(text),
    writeErr: (text) => stderr.write(text),
    getOutHelpWidth: () => helpColumns(help),
    getErrHelpWidth: () => helpColumns(help),
    getOutHasColors: () => help?.hasColors ?? false,
    getErrHasColors: () => false,
  };
}

/** How help is laid out; commander takes the colours out where there are to be none. */
export const HELP_FORMAT: Partial<Help> = {
  displayWidth: (text) => displayWidth(stripVTControlCharacters(text)),
  styleTitle: (text) => styleText('bold', text, { validateStream: false }),
  formatItem(term, termWidth, description, helper) {
    const columns = helper.helpWidth ?? MAX_COLUMNS;
    const gap = 2;
    const beside = columns - termWidth - 2 * gap;
    const isNarrow = beside < MIN_DESCRIPTION_COLUMNS;
    const [first = '', ...rest] = wrapWords(description, isNarrow ? columns - NARROW_INDENT.length : beside);
    if (isNarrow) {
      const below = description === '' ? [] : [first, ...rest].map((line) => `\n${NARROW_INDENT}${line}`);
      return `  ${term}${below.join('')}`;
    }
    const indent = ' '.repeat(termWidth + 2 * gap);
    const filled = term + ' '.repeat(Math.max(0, termWidth - displayWidth(stripVTControlCharacters(term))));
    return [`  ${filled}  ${first}`.trimEnd(), ...rest.map((line) => `${indent}${line}`)].join('\n');
  },
};
