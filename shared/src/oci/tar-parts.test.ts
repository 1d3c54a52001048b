// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { type TarFile, tarParts, totalBytes } from './tar-parts.ts';

const file = (name: string, content: Buffer | string): TarFile => ({
  name,
  content: { kind: 'bytes', bytes: Buffer.from(content) },
});
const digest = { algorithm: 'sha256', hex: 'a'.repeat(64) } as const;

const bytesOf = (files: readonly TarFile[], blob = Buffer.alloc(0)) =>
  Buffer.concat(tarParts(files).map((part) => (part.kind === 'bytes' ? part.bytes : blob)));
const list = (archive: Buffer) =>
  execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--file', '-'], { input: archive })
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '));

it.each([0, 1, 511, 512, 513, 100_000])('a file of %i bytes is what tar reads', (sizeBytes) => {
  const content = Buffer.alloc(sizeBytes, 'content');
  const archive = bytesOf([file('oci-layout', 'x'), file('index.json', content)]);
  expect(archive.length % 512).toBe(0);
  expect(list(archive)).toEqual([
    '-rw-r--r-- 0/0 1 1970-01-01 00:00 oci-layout',
    `-rw-r--r-- 0/0 ${sizeBytes} 1970-01-01 00:00 index.json`,
  ]);
  const unpacked = execFileSync('tar', ['--extract', '--to-stdout', '--file', '-', 'index.json'], {
    input: archive,
  });
  expect(unpacked.equals(content)).toBe(true);
});

it.each([99, 100, 101, 141, 300])('a name of %i characters is what tar reads', (length) => {
  const name = `blobs/${'n'.repeat(length - 6)}`;
  expect(list(bytesOf([file(name, 'x'), file('next', 'y')])).map((line) => line.split(' ').at(-1))).toEqual([
    name,
    'next',
  ]);
});

it('names blobs where they belong, and takes no memory for them', () => {
  const blob = Buffer.alloc(700, 'b');
  const files: TarFile[] = [
    file('a', 'x'),
    { name: 'blob', content: { kind: 'blob', digest, sizeBytes: 700 } },
    file('c', 'z'),
  ];
  const parts = tarParts(files);
  expect(parts.map(({ kind }) => kind)).toEqual(['bytes', 'blob', 'bytes']);
  const archive = bytesOf(files, blob);
  expect(archive.length).toBe(totalBytes(parts));
  expect(list(archive)).toHaveLength(3);
});

it.each([2 ** 33 - 1, 2 ** 33, 2 ** 41 + 7])(
  'a size of %i bytes is said so that tar reads it',
  (sizeBytes) => {
    const parts = tarParts([{ name: 'huge', content: { kind: 'blob', digest, sizeBytes } }]);
    expect(totalBytes(parts) - sizeBytes).toBeLessThan(5000);
    expect(totalBytes(parts) % 512).toBe(0);
    const [header] = parts;
    const archive = header?.kind === 'bytes' ? header.bytes : Buffer.alloc(0);
    // Cut off behind the header: tar says what it has read so far, and complains.
    const output = execFileSync('sh', ['-c', 'tar --list --verbose --file - 2>/dev/null || :'], {
      input: archive,
    });
    expect(output.toString()).toContain(` ${sizeBytes} `);
  },
);
