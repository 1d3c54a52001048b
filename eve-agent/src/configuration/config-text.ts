// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';

/** Thousands of content trees fit; a disk image given by mistake does not. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
/** An empty object takes two bytes of text, and fifty of memory. A content tree has about ten values. */
const MAX_VALUES = 500_000;
/** What is written again, or compared, is walked through by recursion. */
const MAX_DEPTH = 100;

/** Of JSON that nobody marks: its first character is of ASCII, so of UTF-16 one byte of the first two is 0. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be';
  return 'utf-8';
}

/** How many characters V8 quotes on each side of what it does not expect. */
const QUOTED_CHARACTERS = 10;

/** @returns where V8 found something wrong, as an index into the text; null: it does not say */
function findPlace(text: string, message: string): number | null {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  const [, dots, quoted] = /, (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message) ?? [];
  if (quoted === undefined) return null;
  return text.indexOf(quoted) + (dots === undefined ? 0 : QUOTED_CHARACTERS);
}

/**
 * Says what a text is that is not JSON, and where it goes wrong, but nothing of the text itself: V8 quotes what
 * stands around the place, and that may be a password.
 */
function describeText(text: string, message: string): string {
  const start = text.trimStart();
  if (start === '') return 'it is empty: {} says that nothing is wanted';
  if (start.startsWith('<')) return 'not JSON: it is a page of HTML, or XML';
  if (start.startsWith('-----BEGIN ')) return 'not JSON: it is PEM';
  if (/(?!\s)\p{Cc}|\ufffd/u.test(start.slice(0, 1000)))
    return 'not JSON: it is no text, as protobuf’s binary form or a compressed file is none';
  const place = findPlace(text, message);
  if (place === null || place >= text.length) return 'not JSON: it ends early, as half a file does';
  const [why = ''] = message.split(/, (?:\.\.\.)?"| (?:in|after) JSON/);
  return `not JSON: ${why} in line ${text.slice(0, place).split('\n').length}`;
}

/** Where a text in quotes ends, from behind its first quote: behind its last one, or at the end of everything. */
function endOfText(json: string, from: number): number {
  for (let at = json.indexOf('"', from); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
}

/** What parts one value from the next, or begins a deeper one. */
const STRUCTURE = /["[{}\],]/g;

/** What several documents together may still hold. */
export interface ConfigBudget {
  values: number;
}

export const createConfigBudget = (): ConfigBudget => ({ values: MAX_VALUES });

/**
 * Looks before it is parsed how much there is, as what is parsed may take fifty times the memory of its text.
 *
 * @throws Error when a device configuration does not hold as much
 */
function requireBounded(json: string, budget: ConfigBudget): void {
  let values = 1;
  let depth = 0;
  STRUCTURE.lastIndex = 0;
  for (let found = STRUCTURE.exec(json); found !== null; found = STRUCTURE.exec(json)) {
    const [mark] = found;
    if (mark === '"') STRUCTURE.lastIndex = endOfText(json, found.index + 1);
    else if (mark === '}' || mark === ']') depth -= 1;
    else values += 1;
    if (mark === '{' || mark === '[') depth += 1;
    if (values > budget.values)
      throw new Error(`more than ${MAX_VALUES} values are too many for a device configuration`);
    if (depth > MAX_DEPTH)
      throw new Error(`it is nested more than ${MAX_DEPTH} deep: no device configuration is`);
  }
  budget.values -= values;
}

/**
 * Reads JSON in UTF-8 or UTF-16, with or without a byte order mark.
 *
 * @throws Error naming what the bytes are in place of JSON, or what there is too much of; it quotes nothing of them
 */
export function parseConfigText(bytes: Uint8Array, budget: ConfigBudget = createConfigBudget()): unknown {
  // Takes a byte order mark away.
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes);
  requireBounded(text, budget);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(describeText(text, errorMessage(error)));
  }
}
