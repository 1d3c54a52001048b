// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream';
import type { Clock } from '../../clock.ts';

export interface OutputLimits {
  readonly lineBytes: number;
  readonly linesPerSecond: number;
}

const SECOND_MS = 1000;
export const OUTPUT_LIMITS: OutputLimits = { lineBytes: 1024, linesPerSecond: 20 };
const NEWLINE = 10;

/**
 * Hears what a calf writes, line by line. It may be hostile: a long line is cut off, what is more than so many in a second
 * is left out, and meanwhile nothing is read, so that the calf waits and this process does not work.
 *
 * @param onLine gets text that may hold anything but a newline
 */
export function hearLines(
  stream: Readable,
  clock: Clock,
  { lineBytes, linesPerSecond }: OutputLimits,
  onLine: (line: string) => void,
): void {
  let line = Buffer.alloc(0);
  let isCut = false;
  let heard = 0;
  let leftOut = 0;
  const tell = () => {
    heard += 1;
    if (heard > linesPerSecond) leftOut += 1;
    else onLine(`${line.toString('utf8')}${isCut ? '…' : ''}`);
    line = Buffer.alloc(0);
    isCut = false;
  };
  const take = (part: Buffer) => {
    const room = lineBytes - line.length;
    isCut ||= part.length > room;
    line = Buffer.concat([line, part.subarray(0, room)]);
  };
  const waitForNextSecond = () => {
    stream.pause();
    clock.after(SECOND_MS, () => {
      if (leftOut > 0) onLine(`${leftOut} lines were left out`);
      heard = leftOut = 0;
      stream.resume();
    });
  };
  stream.on('data', (bytes: Buffer) => {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      take(bytes.subarray(start, end));
      tell();
      start = end + 1;
    }
    take(bytes.subarray(start));
    if (heard >= linesPerSecond) waitForNextSecond();
  });
  stream.on('end', () => {
    if (line.length > 0) tell();
  });
  // A pipe whose calf was killed.
  stream.on('error', () => {});
}
