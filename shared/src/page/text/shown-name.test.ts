// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { shownName } from './shown-name.ts';

test.each([
  ['debian-12.qcow2', 'debian-12.qcow2'],
  ['Büro/日本.img', 'Büro/日本.img'],
  ['العربية.img', 'العربية.img'],
  ['می\u200cخواهم.img', 'می\u200cخواهم.img'],
  ['disk\u202egpj.qcow2', 'disk⟨U+202E⟩gpj.qcow2'],
  ['a\u200bb', 'a⟨U+200B⟩b'],
  ['a\u200db', 'a⟨U+200D⟩b'],
  ['a\u0085b', 'a⟨U+0085⟩b'],
  ['\u{e0041}', '⟨U+E0041⟩'],
])('%j is shown as %j', (name, shown) => {
  expect(shownName(name)).toBe(shown);
});
