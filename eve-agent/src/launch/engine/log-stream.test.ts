// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { LogLine } from './container-engine.ts';
import { LogError, readLogLines } from './log-stream.ts';

function frame(type: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function read(chunks: readonly Buffer[], form: { hasTerminal?: boolean; hasTimes?: boolean } = {}) {
  const source = (async function* () {
    yield* chunks;
  })();
  const lines: LogLine[] = [];
  for await (const line of readLogLines(source, { hasTerminal: false, hasTimes: false, ...form }))
    lines.push(line);
  return lines;
}
const inPieces = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
const out = (text: string) => ({ stream: 'stdout', text, at: null });
const err = (text: string) => ({ stream: 'stderr', text, at: null });

describe('readLogLines', () => {
  const bytes = Buffer.concat([
    frame(1, 'one\ntw'),
    frame(2, 'wrong\n'),
    frame(1, 'o\n\n'),
    frame(1, ''),
    frame(3, 'of the engine\n'),
    frame(0, 'typed\n'),
    frame(2, 'größer, unended'),
  ]);
  it.each([1, 2, 3, 7, 8, 9, 1000])('takes frames apart that come %i bytes at a time', async (size) => {
    expect(await read(inPieces(bytes, size))).toEqual([
      out('one'),
      err('wrong'),
      out('two'),
      out(''),
      err('of the engine'),
      out('typed'),
      err('größer, unended'),
    ]);
  });

  it('of a terminal there are no frames, and lines end with two characters', async () => {
    expect(
      await read([Buffer.from('a\r\nb'), Buffer.from('c\r\n\u0001\r\n')], { hasTerminal: true }),
    ).toEqual([out('a'), out('bc'), out('\u0001')]);
  });

  it('tells the time of each line', async () => {
    const at = '2026-11-29T20:00:00.123456789Z';
    expect(await read([frame(1, `${at} up\n${at} \nno time\n`)], { hasTimes: true })).toEqual([
      { stream: 'stdout', text: 'up', at },
      { stream: 'stdout', text: '', at },
      out('no time'),
    ]);
  });

  it('a line without end is cut, and nothing larger is held', async () => {
    const long = 'x'.repeat(40_000);
    const lines = await read(inPieces(frame(1, `${long}\nshort\n`), 4096));
    expect(lines.map(({ text }) => text.length)).toEqual([16_384, 16_384, 40_000 - 2 * 16_384, 5]);
  });

  it('a frame may claim any length, and end early', async () => {
    const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    expect(await read([header, Buffer.from('cut\noff')])).toEqual([out('cut'), out('off')]);
    expect(await read([header.subarray(0, 5)])).toEqual([]);
  });

  it.each([
    ['another type', Buffer.from([4, 0, 0, 0, 0, 0, 0, 1, 65])],
    ['no zeros', Buffer.from('plain text without frames')],
  ])('%s is no log', async (_what, chunk) => {
    await expect(read([chunk])).rejects.toThrow(LogError);
  });
});
