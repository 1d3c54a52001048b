// SPDX-License-Identifier: Apache-2.0
import { ACTING_CHARACTER } from './acting-character.ts';
import { isPlainText } from './printable-text.ts';

const UNPRINTABLE = new RegExp(ACTING_CHARACTER, 'gu');

function escapeCharacter(character: string): string {
  if (character === '\n') return character;
  return Array.from({ length: character.length }, (_, i) => {
    const unit = character.charCodeAt(i);
    return `\\u${unit.toString(16).padStart(4, '0')}`;
  }).join('');
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
