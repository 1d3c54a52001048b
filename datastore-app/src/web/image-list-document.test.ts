// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type DocumentImage, imageListDocument, sheetOf } from './image-list-document.ts';

const image = (path: string, changes: Partial<DocumentImage> = {}): DocumentImage => ({
  ...{ path, sizeBytes: 1024, sha256: 'ab'.repeat(32), content: 'raw', state: 'ready' },
  modified: '2026-01-02T03:04:05Z',
  ...changes,
});
const documentOf = (...images: readonly DocumentImage[]) =>
  imageListDocument({ ...sheetOf(images, undefined), origin: 'http://ds.local', stylesheet: undefined });

it.each<[string, DocumentImage, string]>([
  ['a name', image('a b/c.img'), '<bdi>a b/c.img</bdi>'],
  ['a URL', image('a b/c.img'), '>http://ds.local/a%20b/c.img</code>'],
  ['a link', image('a b/c.img'), 'href="/a%20b/c.img"'],
  ['a digest', image('a'), 'ab'.repeat(32)],
  ['the bytes', image('a'), '>1024<'],
  ['what is not hashed', image('a', { sha256: null, state: 'hashing' }), 'not hashed yet'],
  ['what is damaged', image('a', { state: 'corrupt' }), 'damaged'],
  ['what is not here', image('a', { sha256: null, state: 'upstream' }), 'not here yet'],
  ['markup in a name', image('<b>&"\'.img'), '<bdi>&lt;b&gt;&amp;&quot;&#39;.img</bdi>'],
  ['markup in a link', image('"onclick=".img'), 'href="/%22onclick%3D%22.img"'],
  ['what would turn a name around', image('a\u202egpj.img'), '<bdi>a⟨U+202E⟩gpj.img</bdi>'],
  ['a command', image('a b.img'), 'curl -O http://ds.local/a%20b.img'],
])('shows %s', (_, shown, text) => {
  expect(documentOf(shown)).toContain(text);
});

it.each<[string | undefined, number, string[], string | undefined]>([
  [undefined, 2, ['a', 'b'], 'b'],
  ['b', 2, ['c'], undefined],
  ['a', 2, ['b', 'c'], undefined],
  [undefined, 3, ['a', 'b', 'c'], undefined],
  ['z', 2, [], undefined],
])('after %s, at most %d: %j', (after, most, paths, next) => {
  const sheet = sheetOf([image('b'), image('c'), image('a')], after, most);
  expect(sheet.images.map(({ path }) => path)).toEqual(paths);
  expect(sheet.next).toBe(next);
  expect(sheet.amount).toBe('3 images, 3 KiB');
});
