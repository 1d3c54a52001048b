// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Entry } from './catalogue-entry.ts';
import { findTwins, listEntries } from './image-listing.ts';

const COMPOSED = 'caf\u00e9.img';
const DECOMPOSED = 'cafe\u0301.img';

it.each([
  ['one form alone', [COMPOSED, 'cafe.img'], []],
  [
    'both forms',
    [COMPOSED, DECOMPOSED],
    [
      [COMPOSED, 'composed'],
      [DECOMPOSED, 'decomposed'],
    ],
  ],
  ['the same name in two folders', [`a/${COMPOSED}`, `b/${DECOMPOSED}`], []],
  [
    'folders of both forms',
    [`${COMPOSED}/a`, `${DECOMPOSED}/a`],
    [
      [`${COMPOSED}/a`, 'composed'],
      [`${DECOMPOSED}/a`, 'decomposed'],
    ],
  ],
  [
    'a name of both forms within',
    [`${COMPOSED}/${COMPOSED}`, `${COMPOSED}/${DECOMPOSED}`],
    [
      [`${COMPOSED}/${COMPOSED}`, 'composed'],
      [`${COMPOSED}/${DECOMPOSED}`, 'mixed'],
    ],
  ],
  // The same to the eye, but no forms of each other: nothing could be said that is true of all of them.
  ['letters of two alphabets', ['a.img', '\u0430.img'], []],
])('tells twins apart: %s', (_what, paths, expected) => {
  expect([...findTwins(paths)]).toEqual(expected);
});

it('lists links beside the files to which they lead', () => {
  const version = { sizeBytes: 5, mtimeNs: 0n, ctimeNs: 0n, inode: 1n, device: 1n };
  const entry = { version, sha256: 'ab'.repeat(32), isCorrupt: false, isSettled: true } as Entry;
  const links = new Map([
    ['alias.img', 'b/file.img'],
    ['z.img', 'unlisted.img'],
  ]);
  const listed = listEntries(new Map([['b/file.img', entry]]), links);
  expect(listed.map(({ path, linkTo, state }) => [path, linkTo, state])).toEqual([
    ['alias.img', 'b/file.img', 'ready'],
    ['b/file.img', undefined, 'ready'],
  ]);
});
