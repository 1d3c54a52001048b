// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { progressText, totalOf } from './upload-total.ts';
import type { Upload, UploadState } from './uploads.ts';

const MIB = 1024 * 1024;
const upload = (state: UploadState, sentMib: number, sizeMib: number, rateMib?: number): Upload => ({
  ...{ id: 1, path: 'a', state, message: undefined },
  sentBytes: sentMib * MIB,
  sizeBytes: sizeMib * MIB,
  bytesPerSecond: rateMib === undefined ? undefined : rateMib * MIB,
});

it.each<[string, Upload[], string | undefined]>([
  ['none', [], undefined],
  ['what is done', [upload('done', 5, 5)], undefined],
  ['what is given up', [upload('failed', 1, 5), upload('exists', 0, 5)], undefined],
  ['what waits', [upload('waiting', 0, 5)], '0 bytes of 5 MiB'],
  ['what is paused', [upload('paused', 2, 5)], '2 MiB of 5 MiB'],
  [
    'what runs, with what is done and without what is given up',
    [upload('running', 2, 10, 2), upload('running', 8, 10, 1), upload('done', 5, 5), upload('failed', 1, 99)],
    '15 MiB of 25 MiB · 3 MiB/s · 4 s left',
  ],
])('tells of %s', (_, uploads, text) => {
  const total = totalOf(uploads);
  expect(total && progressText(total)).toBe(text);
});
