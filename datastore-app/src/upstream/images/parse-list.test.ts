// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { MAX_LISTED_FILES } from './listed-file.ts';
import { parseChecksums, parseDatastoreList, parseManifestList } from './parse-list.ts';

const BASE = new URL('http://store.example/images/');
const SHA = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('the list of another datastore', () => {
  const image = (more: object) => ({ path: 'a.img', sizeBytes: 5, sha256: SHA, state: 'ready', ...more });
  const read = (...images: unknown[]) => parseDatastoreList(json({ images }), new URL('http://ds-b.local/'));

  it('gives what is ready, with what is known of it', () => {
    const modified = '2026-02-03T04:05:06.000Z';
    expect(read(image({ path: 'x/a b.img', format: 'qcow2', modified, unknown: [1] })).files).toEqual([
      {
        ...{ path: 'x/a b.img', sizeBytes: 5, sha256: SHA, format: 'qcow2', modified },
        url: 'http://ds-b.local/x/a%20b.img',
      },
    ]);
  });

  it.each([
    ['is being hashed', { state: 'hashing', sha256: null }, false],
    ['is damaged', { state: 'corrupt' }, true],
    ['comes there itself', { state: 'upstream' }, true],
    ['has no state', { state: undefined }, true],
  ])('leaves out what %s', (_title, more, isComplete) => {
    expect(read(image(more))).toMatchObject({ files: [], isComplete });
  });

  it('gives what stands below the path of the URL, without it', () => {
    const bytes = json({ images: [image({ path: 'linux/a.img' }), image({ path: 'other/b.img' })] });
    expect(parseDatastoreList(bytes, new URL('http://ds-b.local/linux/')).files).toMatchObject([
      { path: 'a.img', url: 'http://ds-b.local/linux/a.img' },
    ]);
  });

  it.each([
    ['no JSON', Buffer.from('<html>'), 'it is no JSON'],
    ['other JSON', json([]), 'it is no list of images'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'it is not UTF-8'],
  ])('is not %s', (_title, bytes, message) => {
    expect(() => parseDatastoreList(bytes, BASE)).toThrow(message);
  });
});

describe('SHA256SUMS', () => {
  const read = (text: string) => parseChecksums(Buffer.from(text), BASE);

  it('gives names and digests, as sha256sum writes them', () => {
    const { files, leftOut } = read(`${SHA}  a.img\r\n${OTHER.toUpperCase()} *./x/b.img\n# a note\n\n`);
    expect(files.map(({ path, sha256, url }) => [path, sha256, url])).toEqual([
      ['a.img', SHA, 'http://store.example/images/a.img'],
      ['x/b.img', OTHER, 'http://store.example/images/x/b.img'],
    ]);
    expect(leftOut).toBe(0);
  });

  it.each([
    ['a way out', '../a.img'],
    ['a way out in the middle', 'x/../../a.img'],
    ['an absolute path', '/etc/passwd'],
    ['a dotfile', '.ssh/key'],
    ['the page', '-/api'],
    ['the registry', 'v2/a'],
    ['a backslash', 'a\\b'],
    ['a control character', 'a\u0007b'],
    ['a name that is too long', 'a'.repeat(256)],
    ['too many folders', Array.from({ length: 17 }, () => 'a').join('/')],
  ])('leaves out %s, and stops no other', (_title, name) => {
    const { files, leftOut, reasons } = read(`${SHA}  ${name}\n${SHA}  good.img\n`);
    expect([files.map(({ path }) => path), leftOut]).toEqual([['good.img'], 1]);
    expect(reasons).toHaveLength(1);
  });

  it.each([
    ['is none', 'hello\n'],
    ['has another digest', `${'a'.repeat(63)}  a.img\n`],
    ['is md5sum', `${'a'.repeat(32)}  a.img\n`],
  ])('leaves out a line that %s', (_title, line) => {
    expect(read(`${line}${SHA}  good.img\n`)).toMatchObject({ leftOut: 1, files: [{ path: 'good.img' }] });
    expect(() => read(line)).toThrow('no line of it is one of sha256sum');
  });

  it('leaves out a name of which two things are said, however often', () => {
    const { files, leftOut } = read(`${SHA}  a\n${OTHER}  a\n${SHA}  a\n${SHA}  b\n${SHA}  b\n`);
    expect([files.map(({ path }) => path), leftOut]).toEqual([['b'], 3]);
  });

  it('is bounded', () => {
    const lines = Array.from({ length: MAX_LISTED_FILES + 2 }, (_, n) => `${SHA}  ${n}.img\n`).join('');
    const { files, leftOut, reasons } = read(lines);
    expect([files.length, leftOut]).toEqual([MAX_LISTED_FILES, 2]);
    expect(reasons[0]).toContain(`${MAX_LISTED_FILES}.img: a list of more than`);
  });
});

describe('a manifest', () => {
  const read = (images: unknown, options: { base?: URL | undefined; hosts?: readonly string[] } = {}) =>
    parseManifestList(json({ version: 1, images }), {
      ...{ language: 'json', base: 'base' in options ? options.base : BASE },
      mayLeadTo: ({ host }) => host === BASE.host || options.hosts?.includes(host) === true,
    });
  const entry = (more: object) => ({ path: 'a.img', sizeBytes: 5, sha256: SHA, ...more });

  it.each([
    [undefined, 'http://store.example/images/a.img'],
    ['other/b.img?x=1', 'http://store.example/images/other/b.img?x=1'],
    ['/c.img', 'http://store.example/c.img'],
    ['http://store.example/d.img', 'http://store.example/d.img'],
    ['https://files.example/d.img', 'https://files.example/d.img'],
  ])('leads from %s to %s', (url, expected) => {
    expect(read([entry({ url })], { hosts: ['files.example'] }).files).toMatchObject([{ url: expected }]);
  });

  it.each<[string, object, string]>([
    ['another host', { url: 'http://127.0.0.1/x' }, 'none of the hosts'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'no url'],
    ['a password', { url: 'http://u:p@store.example/x' }, 'no url'],
    ['an endless URL', { url: `http://store.example/${'x'.repeat(5000)}` }, 'no url'],
    ['no size', { sizeBytes: undefined }, 'sizeBytes'],
    ['half a byte', { sizeBytes: 0.5 }, 'size'],
    ['less than no bytes', { sizeBytes: -1 }, 'size'],
    ['a size beyond all', { sizeBytes: 2 ** 60 }, 'size'],
    ['no digest', { sha256: undefined }, 'sha256'],
    ['another digest', { sha256: 'abc' }, '64 hexadecimal digits'],
    ['no path', { path: 7 }, 'path'],
    ['a way out', { path: 'x/../../a' }, 'no image may have this path'],
    ['half a character', { path: 'a\ud800' }, 'no url'],
  ])('leaves out an entry with %s', (_title, more, reason) => {
    const { files, leftOut, reasons } = read([entry(more), entry({ path: 'good.img' })]);
    expect([files.map(({ path }) => path), leftOut]).toEqual([['good.img'], 1]);
    expect(reasons[0]).toContain(reason);
  });

  it('takes sha256: before a digest, in either case, and a format that there is', () => {
    const images = [
      entry({ sha256: `sha256:${SHA.toUpperCase()}`, format: 'qcow2' }),
      entry({ path: 'b', format: 'nonsense' }),
    ];
    expect(read(images).files).toMatchObject([{ sha256: SHA, format: 'qcow2' }, { format: undefined }]);
  });

  it('needs a url in each entry where nothing stands beside it', () => {
    expect(read([entry({})], { base: undefined })).toMatchObject({ files: [], leftOut: 1 });
  });

  it('may be YAML', () => {
    const bytes = Buffer.from(`version: 1\nimages:\n  - { path: a.img, sizeBytes: 5, sha256: ${SHA} }\n`);
    const options = { language: 'yaml', base: BASE, mayLeadTo: () => true } as const;
    expect(parseManifestList(bytes, options).files).toMatchObject([{ path: 'a.img' }]);
    expect(() => parseManifestList(Buffer.from('version: 2\nimages: []\n'), options)).toThrow('version: 1');
    expect(() => parseManifestList(Buffer.from('a: [\n'), options)).toThrow();
    expect(() => parseManifestList(Buffer.alloc(2 << 20, ' '), options)).toThrow('write it as JSON');
  });
});
