// SPDX-License-Identifier: Apache-2.0
import { closeSync, readSync } from 'node:fs';
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { expect, it } from 'vitest';
import { createProgressReader, encodeProgress, PROGRESS_BYTES, writeProgress } from './progress-record.ts';

const MANY = 2 ** 40;
/** As many as the largest pipe holds. */
const MANY_RECORDS = 65_536;

it.each([1, 7, PROGRESS_BYTES, 40])('is read in pieces of %i bytes', (pieceBytes) => {
  const all = Buffer.concat([encodeProgress('1', 0), encodeProgress('2', MANY), encodeProgress('1', 5)]);
  const told: unknown[] = [];
  const take = createProgressReader((...record) => told.push(record));
  for (let at = 0; at < all.length; at += pieceBytes) take(all.subarray(at, at + pieceBytes));
  expect(told).toEqual([
    ['1', 0],
    ['2', MANY],
    ['1', 5],
  ]);
});

it('is told once for each file of a piece, however many come', () => {
  const told: unknown[] = [];
  const records = Array.from({ length: 1000 }, (_, bytes) => encodeProgress(String(bytes % 2), bytes));
  createProgressReader((...record) => told.push(record))(Buffer.concat(records));
  expect(told).toEqual([
    ['0', 998],
    ['1', 999],
  ]);
});

it('is left out where it is no number of bytes', () => {
  const told: unknown[] = [];
  const take = createProgressReader((...record) => told.push(record));
  take(Buffer.concat([Buffer.alloc(PROGRESS_BYTES, 0xff), encodeProgress('1', 5)]));
  expect(told).toEqual([['1', 5]]);
});

it('is not waited for by a pipe that is full', () => {
  const [read, written] = openPipe();
  const buffer = Buffer.alloc((MANY_RECORDS + 1000) * PROGRESS_BYTES);
  for (let bytes = 0; bytes < MANY_RECORDS + 1000; bytes += 1) writeProgress(written, '1', bytes);
  const readBytes = readSync(read, buffer);
  expect([readBytes % PROGRESS_BYTES, readBytes < buffer.length]).toEqual([0, true]);
  closeSync(read);
  closeSync(written);
});
