// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createLog } from '../log.ts';
import { jsonLine, jsonText } from './json-text.ts';
import { printableText, terminalText } from './printable-text.ts';

test.each([
  ['plain', 'My Printer (2) [00:16:3e:00:00:01]', 'My Printer (2) [00:16:3e:00:00:01]'],
  ['letters of other scripts', 'Büro 日本', 'Büro 日本'],
  ['an escape sequence', '\u001b[2Jgone', '\\027[2Jgone'],
  ['a line break', 'a\r\nb', 'a\\013\\010b'],
  ['DEL and C1 controls', '\u007f\u009b', '\\127\\194\\155'],
  ['a change of writing direction', 'a\u202eb', 'a\\226\\128\\174b'],
  ['a line separator', '\u2028', '\\226\\128\\168'],
  ['a space that looks like another', 'a\u00a0b', 'a\\194\\160b'],
  ['a backslash', 'a\\032b', 'a\\\\032b'],
])('%s', (_, text, expected) => {
  expect(printableText(text)).toBe(expected);
});

/** One of every class that could act on a terminal, or turn what is around it. */
const ACTING = {
  'an escape': '\u001b',
  'a carriage return': '\r',
  'a tab': '\t',
  DEL: '\u007f',
  'a C1 control sequence introducer': '\u009b',
  'the Arabic letter mark': '\u061c',
  'a left-to-right mark': '\u200e',
  'an embedding': '\u202a',
  'an override': '\u202e',
  'an isolate': '\u2066',
  'a pop': '\u2069',
  'a line separator': '\u2028',
  'a paragraph separator': '\u2029',
  'a byte order mark': '\ufeff',
  'a zero width space': '\u200b',
  'a soft hyphen': '\u00ad',
  'a tag character': '\u{e0041}',
  'a lone surrogate': '\ud800',
  'a private character': '\ue000',
};

describe.each(Object.entries(ACTING))('%s', (_, character) => {
  const text = `a${character}b`;
  test('is escaped in names, in lines and in JSON', () => {
    expect(printableText(text)).toMatch(/^a(?:\\\d{3})+b$/);
    expect(terminalText(`${text}\n${text}`)).toMatch(/^a(?:\\\d{3})+b\na(?:\\\d{3})+b$/);
    expect(jsonLine(text)).toMatch(/^"a(?:\\[rt]|(?:\\u[0-9a-f]{4})+)b"\n$/);
    expect(JSON.parse(jsonText({ text }))).toEqual({ text });
  });

  test('does not reach a log raw', () => {
    const lines: string[] = [];
    createLog('test', 'info', { write: (line) => lines.push(line) }).info({ [text]: text }, text);
    expect(lines.join('')).not.toContain(character);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ [text]: text, msg: text });
  });
});

test.each([
  ['Latin letters', 'a\u200db'],
  ['the beginning', '\u200cb'],
  ['the end', 'س\u200d'],
  ['another joiner', 'س\u200d\u200dس'],
  ['a digit', '1\u200c日'],
])('a joiner at %s hides nothing', (_, text) => {
  expect(printableText(text)).toMatch(/\\226\\128\\14[01]/);
  expect(jsonLine(text)).toMatch(/\\u200[cd]/);
});

test.each(['Büro', '日本', 'é (decomposed e\u0301)', '👍', 'العربية', 'می‌خواهم', '👩‍💻', '❤️‍🔥', 'C:\\x'])(
  '%s stays readable in lines',
  (text) => {
    expect(terminalText(text)).toBe(text);
    expect(jsonLine(text.replaceAll('\\', ''))).toBe(`"${text.replaceAll('\\', '')}"\n`);
  },
);
