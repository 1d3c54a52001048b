import { errorMessage } from '@local-datastore/shared/errors';

/** Thousands of content trees fit; a disk image given by mistake does not. */
export const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

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

/**
 * Reads JSON in UTF-8 or UTF-16, with or without a byte order mark.
 *
 * @throws Error naming what the bytes are in place of JSON; it quotes nothing of them
 */
export function parseConfigText(bytes: Uint8Array): unknown {
  // Takes a byte order mark away.
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(describeText(text, errorMessage(error)));
  }
}
