// SPDX-License-Identifier: Apache-2.0
import { ACTING_CHARACTER } from './acting-character.ts';

/** And all spaces but the plain one. */
const UNPRINTABLE = new RegExp(String.raw`${ACTING_CHARACTER}|(?! )\p{Zs}`, 'gu');

const PLAIN = /^[\x20-\x7e\n]*$/;

/**
 * Whether a text holds nothing but ASCII that shows, spaces and line breaks. Most do, and need not be looked through by
 * classes of characters, whose pattern alone takes a third of a millisecond to compile.
 */
export const isPlainText = (text: string): boolean => PLAIN.test(text);

function escapeBytes(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('');
}

/**
 * Lines for a terminal in which nothing but the line breaks acts on it: for texts that are put together of words of
 * ours and of others. What is theirs alone is told unambiguously by {@link printableText}.
 */
export const terminalText = (lines: string): string =>
  isPlainText(lines)
    ? lines
    : lines.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escapeBytes(character)));

/**
 * Text from the network as a terminal may safely show it: the bytes of whatever is not printable become
 * `\ddd` in decimal, a backslash `\\`, as Avahi does and RFC 1035 §5.1 writes it. An escape sequence in an
 * instance name thus stays text.
 */
export function printableText(text: string): string {
  const unambiguous = text.replaceAll('\\', '\\\\');
  return isPlainText(unambiguous) && !unambiguous.includes('\n')
    ? unambiguous
    : unambiguous.replace(UNPRINTABLE, escapeBytes);
}
