import { ACTING_CHARACTER } from './acting-character.ts';

/** And all spaces but the plain one. */
const UNPRINTABLE = new RegExp(String.raw`${ACTING_CHARACTER}|(?! )\p{Zs}`, 'gu');

function escapeBytes(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('');
}

/**
 * Lines for a terminal in which nothing but the line breaks acts on it: for texts that are put together of words of
 * ours and of others. What is theirs alone is told unambiguously by {@link printableText}.
 */
export const terminalText = (lines: string): string =>
  lines.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escapeBytes(character)));

/**
 * Text from the network as a terminal may safely show it: the bytes of whatever is not printable become
 * `\ddd` in decimal, a backslash `\\`, as Avahi does and RFC 1035 §5.1 writes it. An escape sequence in an
 * instance name thus stays text.
 */
export function printableText(text: string): string {
  return text.replaceAll('\\', '\\\\').replace(UNPRINTABLE, escapeBytes);
}
