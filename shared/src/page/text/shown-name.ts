// SPDX-License-Identifier: Apache-2.0
import { ACTING_CHARACTER } from '../../text/acting-character.ts';

const ACTING = new RegExp(ACTING_CHARACTER, 'gu');

/** The name of an image as the page shows it: what could disguise it is written by its code point, `⟨U+202E⟩`. */
export const shownName = (name: string): string =>
  name.replace(
    ACTING,
    (character) => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
