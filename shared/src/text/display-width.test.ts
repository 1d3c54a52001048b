// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { cutToWidth, displayWidth, padToWidth, shortenToWidth } from './display-width.ts';

describe('the cells that a text takes', () => {
  it.each([
    ['', 0],
    ['disk.img', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｶﾅ', 2],
    ['한글', 4],
    ['👩‍🔬', 2],
    ['🇩🇪', 2],
    ['क्षि', 1],
    ['→', 1],
  ])('%j', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('a text is brought to a width', () => {
  it.each([
    [padToWidth('漢字', 6), '漢字  '],
    [padToWidth('漢字', 6, 'end'), '  漢字'],
    [padToWidth('longer', 3), 'longer'],
    [cutToWidth('漢字', 3), '漢'],
    [cutToWidth('e\u0301a', 1), 'e\u0301'],
    [cutToWidth('plain', 2), 'pl'],
    [cutToWidth('plain', -1), ''],
    [shortenToWidth('fits', 4), 'fits'],
    [shortenToWidth('does not', 4), 'doe…'],
    [shortenToWidth('漢字漢字', 6), '漢字…'],
  ])('%j', (made, expected) => {
    expect(made).toBe(expected);
  });
});
