// SPDX-License-Identifier: Apache-2.0
import { ACTING_CHARACTER } from './acting-character.ts';
import { isPlainText } from './printable-text.ts';

const UNPRINTABLE = new RegExp(ACTING_CHARACTER, 'gu');

/** A UTF-16 unit as the strings of JSON may have any (RFC 8259 §7). */
const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

function escapeCharacter(character: string): string {
  if (character === '\n') return character;
  return character.split('').map(escapeUnit).join('');
}

/**
 * JSON in which nothing acts on a terminal: JSON itself leaves control characters from DEL on and changes of
 * writing direction as they are. It means the same.
 */
export const safeJson = (json: string): string =>
  isPlainText(json) ? json : json.replace(UNPRINTABLE, escapeCharacter);

/** A value as a JSON document of several lines that a terminal may safely show. */
export function jsonText(value: unknown): string {
  return `${safeJson(JSON.stringify(value, null, 2))}\n`;
}

/** A value as one line of JSON, as safe. */
export function jsonLine(value: unknown): string {
  return `${safeJson(JSON.stringify(value))}\n`;
}

/** A value as JSON in printable ASCII alone, whatever its texts hold. It means the same. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, escapeUnit);
