// SPDX-License-Identifier: Apache-2.0
import { displayWidth } from './display-width.ts';

/**
 * A text in lines that fit, broken between words; a word that fits into no line stands alone and is left whole, so that
 * a path or a digest can be copied.
 *
 * @param columns cells of a line
 * @param indent what each line but the first begins with; its cells count
 */
export function wrapWords(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  let width = 0;
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const wordWidth = displayWidth(word);
    if (line !== '' && width + 1 + wordWidth > columns) {
      lines.push(line);
      line = indent + word;
      width = displayWidth(indent) + wordWidth;
    } else {
      width += (line === '' ? 0 : 1) + wordWidth;
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** A line in as many as it needs, all of them as far from the edge as it is itself. */
export function wrapLine(line: string, columns: number): string[] {
  if (displayWidth(line) <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  return wrapWords(line, columns - indent.length).map((part) => `${indent}${part}`);
}
