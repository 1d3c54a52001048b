// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createManualClock } from '../../manual-clock.ts';
import { hearLines } from './calf-output.ts';

const LIMITS = { lineBytes: 8, linesPerSecond: 3 };

function setUp() {
  const clock = createManualClock();
  const stream = new PassThrough();
  const lines: string[] = [];
  hearLines(stream, clock, LIMITS, (line) => lines.push(line));
  return { clock, stream, lines };
}

it.each([
  ['one line', ['one\n'], ['one']],
  ['pieces of a line', ['o', 'n', 'e\n'], ['one']],
  ['lines in a piece', ['one\ntwo\n'], ['one', 'two']],
  ['an empty one', ['\n'], ['']],
  ['one as long as may be', ['12345678\n'], ['12345678']],
  ['one that is too long', ['123456789\nnext\n'], ['12345678…', 'next']],
  ['one that is too long, in pieces', ['1234', '56789', '0'.repeat(100), '\nnext\n'], ['12345678…', 'next']],
  ['what is no text', [Buffer.from([0xff, 0x1b, 10])], ['\ufffd\u001b']],
  ['the last one without an end', ['one'], ['one']],
])('hears %s', async (_, pieces, expected) => {
  const { stream, lines } = setUp();
  for (const piece of pieces) stream.write(piece);
  stream.end();
  await expect.poll(() => lines).toEqual(expected);
});

it('leaves out what is more than so many a second, and does not read meanwhile', async () => {
  const { clock, stream, lines } = setUp();
  stream.write('1\n2\n3\n4\n5\n');
  await expect.poll(() => lines).toEqual(['1', '2', '3']);
  expect(stream.isPaused()).toBe(true);
  stream.write('6\n');
  clock.advance(999);
  expect(stream.isPaused()).toBe(true);
  clock.advance(1);
  expect(stream.isPaused()).toBe(false);
  await expect.poll(() => lines.slice(3)).toEqual(['2 lines were left out', '6']);
  expect(clock.pendingTimers()).toBe(0);
});

it('is not disturbed by a pipe that breaks', () => {
  const { stream, lines } = setUp();
  stream.destroy(new Error('EPIPE'));
  expect(lines).toEqual([]);
});
