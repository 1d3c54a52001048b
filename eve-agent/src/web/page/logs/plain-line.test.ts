// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { plainLine } from './plain-line.ts';

it.each([
  ['plain text', 'ready', 'ready'],
  ['colours', '\u001b[1;32mok\u001b[0m done', 'ok done'],
  ['a cleared line', '\u001b[2K\u001b[1Gboot', 'boot'],
  ['a title', '\u001b]0;root@vm\u0007login:', 'login:'],
  ['a title that ends otherwise', '\u001b]0;root@vm\u001b\\login:', 'login:'],
  ['a character set', '\u001b(Bx', 'x'],
  ['the end of a line of a terminal', 'login:\r', 'login:'],
  ['a tab', 'a\tb', 'a    b'],
  ['what turns the writing direction', 'a\u202eb', 'a⟨U+202E⟩b'],
  ['a bell', 'a\u0007', 'a⟨U+0007⟩'],
  ['an escape that leads nowhere', 'a\u001b', 'a⟨U+001B⟩'],
])('%s', (_what, text, shown) => {
  expect(plainLine(text)).toBe(shown);
});
