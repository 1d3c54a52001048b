// SPDX-License-Identifier: Apache-2.0
/** Text without an end of a line is none of ours. */
const MAX_LINE_LENGTH = 1024 * 1024;

/**
 * Reads lines of JSON.
 *
 * @returns what takes the next piece of the text, and gives the values of the lines that are whole by then; it throws
 *   RangeError when a line is too long, SyntaxError when it is no JSON
 */
export function createLineParser<Line>(): (piece: string) => Line[] {
  let rest = '';
  return (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_LENGTH) throw new RangeError('a line is too long');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
  };
}
