// SPDX-License-Identifier: Apache-2.0
import { RunArgumentsError } from './errors.ts';
import { requireArgumentText } from './limits.ts';

const BLANK = /[ \t\n]/;
/** What a backslash takes its meaning from within double quotes (POSIX.1-2017, Shell Command Language, 2.2.3). */
const ESCAPED_IN_QUOTES = '$`"\\';

function unbalanced(quote: string): RunArgumentsError {
  const name = quote === '\\' ? 'nothing stands behind the last backslash' : `a quote ${quote} is not closed`;
  return new RunArgumentsError('ARGUMENT_INVALID', null, `the arguments are no words: ${name}`);
}

/**
 * The words of one text, as a POSIX shell finds them (Shell Command Language, 2.2): blanks part them, quotes and
 * backslashes keep characters together. Nothing is expanded and nothing is an operator: `$`, a backtick, `*`, `~`, `;`,
 * `|`, `<` and `#` stand for themselves.
 *
 * @throws RunArgumentsError where a quote is not closed
 */
export function splitArguments(text: string): string[] {
  requireArgumentText([text]);
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    at += 1;
    if (BLANK.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    const part = readPart(text, at, character);
    if (part.text !== null) word = (word ?? '') + part.text;
    at = part.end;
  }
  if (word !== null) words.push(word);
  return words;
}

interface WordPart {
  /** Null: nothing, not even an empty word. */
  readonly text: string | null;
  readonly end: number;
}

/** @param start behind the character */
function readPart(text: string, start: number, character: string): WordPart {
  if (character === "'") {
    const end = text.indexOf("'", start);
    if (end === -1) throw unbalanced(character);
    return { text: text.slice(start, end), end: end + 1 };
  }
  if (character === '"') return readDoubleQuoted(text, start);
  if (character !== '\\') return { text: character, end: start };
  if (start === text.length) throw unbalanced(character);
  // A line that goes on is one line.
  return { text: text.charAt(start) === '\n' ? null : text.charAt(start), end: start + 1 };
}

/** @param start behind the opening quote */
function readDoubleQuoted(text: string, start: number): WordPart {
  let quoted = '';
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { text: quoted, end: at + 1 };
    const next = text.charAt(at + 1);
    if (character === '\\' && next === '\n') {
      at += 1;
    } else if (character === '\\' && next !== '' && ESCAPED_IN_QUOTES.includes(next)) {
      quoted += next;
      at += 1;
    } else {
      quoted += character;
    }
  }
  throw unbalanced('"');
}
