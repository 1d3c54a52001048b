// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';

/** Control sequences of terminals (ECMA-48 §5.4, and xterm's OSC): they colour and move, and say nothing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])/g;

/** A line that a program wrote to its terminal, as text: nothing in it acts, and what could is written by its code. */
export const plainLine = (text: string): string =>
  shownName(text.replace(SEQUENCES, '').replace(/\t/g, '    ').replace(/\r+$/, ''));
