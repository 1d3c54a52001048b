// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { appendFile, mkdtemp, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ByteSource, byteSourceOf, createSourceReader, wholeFile } from './byte-source.ts';
import { standingOf, versionOf } from './file-version.ts';
import type { OpenFile } from './open-file.ts';

let folder: string;
let place: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'byte-source-'));
  place = join(folder, 'file');
  await writeFile(place, '0123456789');
});
afterEach(() => rm(folder, { recursive: true }));

function openFile(path = place): OpenFile {
  const fd = openSync(path, constants.O_RDONLY);
  const stat = fstatSync(fd, { bigint: true });
  return { fd, place: path, version: versionOf(stat), standing: standingOf(stat) };
}

function readPiece(source: ByteSource, position: number, length: number): Promise<string> {
  const piece = Buffer.alloc(length);
  return new Promise((resolve, reject) => {
    createSourceReader(source).fill(piece, position, (error) =>
      error === null ? resolve(piece.toString()) : reject(error),
    );
  });
}

describe('of several segments', () => {
  let source: ByteSource;
  beforeEach(() => {
    const file = openFile();
    source = byteSourceOf([
      { kind: 'buffer', bytes: Buffer.from('') },
      { kind: 'buffer', bytes: Buffer.from('ab') },
      { kind: 'file', file, offset: 4, length: 3 },
      { kind: 'file', file, offset: 0, length: 0 },
      { kind: 'buffer', bytes: Buffer.from('c') },
      { kind: 'file', file, offset: 0, length: 2 },
    ]);
  });
  afterEach(() => source.close());
  const WHOLE = 'ab456c01';

  it('every piece is where it belongs', async () => {
    expect(source.sizeBytes).toBe(WHOLE.length);
    for (let start = 0; start <= WHOLE.length; start += 1) {
      for (let end = start; end <= WHOLE.length; end += 1) {
        expect(await readPiece(source, start, end - start)).toBe(WHOLE.slice(start, end));
      }
    }
  });

  it('has nothing behind its end', async () => {
    await expect(readPiece(source, 7, 2)).rejects.toThrow('behind the end');
    await expect(readPiece(byteSourceOf([]), 0, 1)).rejects.toThrow('behind the end');
  });
});

it.each<[string, boolean, () => Promise<unknown>]>([
  ['renamed', true, () => rename(place, `${place}.other`)],
  ['removed', true, () => rm(place)],
  ['cut short', false, () => truncate(place, 5)],
  ['written to', false, () => appendFile(place, 'x')],
  [
    'written to, its times put back',
    false,
    async () => {
      await writeFile(place, 'abcdefghij');
      await utimes(place, 1, 1);
    },
  ],
])('a file that is %s is read on: %s', async (_what, isRead, change) => {
  const source = wholeFile(openFile());
  await change();
  const reading = readPiece(source, 0, 10);
  if (isRead) expect(await reading).toBe('0123456789');
  else await expect(reading).rejects.toThrow('changed');
  source.close();
});

it('closes a file of several segments once', () => {
  const file = openFile();
  const segment = { kind: 'file', file, offset: 0, length: 1 } as const;
  byteSourceOf([segment, segment]).close();
  expect(() => closeSync(file.fd)).toThrow('EBADF');
});
