import { expect, test } from 'vitest';
import { printableText } from './printable-text.ts';

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
