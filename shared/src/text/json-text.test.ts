// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { jsonLine, jsonText } from './json-text.ts';

test('a document reads as what it was made of, and holds nothing that a terminal acts on', () => {
  const value = { text: '\u001b[2J \u007f \u009b \u202e \u2028 \u{e0001} 日本 "\\', list: [1, null] };
  const text = jsonText(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toMatch(/^[\n\x20-\x7e日本]*$/u);
  expect(text.endsWith('}\n')).toBe(true);
  expect(JSON.parse(jsonLine(value))).toEqual(value);
  expect(jsonLine(value)).toMatch(/^[\x20-\x7e日本]*\n$/u);
});
