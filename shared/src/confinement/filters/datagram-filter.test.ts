// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { interpret, packetData } from './bpf-interpreter.ts';
import { DROP, KEEP_WHOLE } from './bpf-program.ts';
import { type DatagramBounds, datagramFilter } from './datagram-filter.ts';

const HEADER_BYTES = 8;
const judge = (bounds: DatagramBounds, packet: Buffer) =>
  interpret(datagramFilter(bounds), packetData(packet));
const datagram = (payload: string) => Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(payload)]);

it.each<[string, string, DatagramBounds, number]>([
  ['the shortest', 'abc', { minBytes: 3, maxBytes: 5 }, KEEP_WHOLE],
  ['the longest', 'abcde', { minBytes: 3, maxBytes: 5 }, KEEP_WHOLE],
  ['less', 'ab', { minBytes: 3, maxBytes: 5 }, DROP],
  ['more', 'abcdef', { minBytes: 3, maxBytes: 5 }, DROP],
  ['nothing, where that may be', '', { minBytes: 0, maxBytes: 5 }, KEEP_WHOLE],
  ['the right beginning', '<3>', { minBytes: 0, maxBytes: 5, firstByte: 0x3c }, KEEP_WHOLE],
  ['a wrong beginning', 'x<>', { minBytes: 0, maxBytes: 5, firstByte: 0x3c }, DROP],
  ['no beginning', '', { minBytes: 0, maxBytes: 5, firstByte: 0x3c }, DROP],
])('%s', (_, payload, bounds, verdict) => {
  expect(judge(bounds, datagram(payload))).toBe(verdict);
});

it('drops what is no header', () => {
  for (let length = 0; length < HEADER_BYTES; length += 1) {
    expect(judge({ minBytes: 0, maxBytes: 9 }, Buffer.alloc(length))).toBe(DROP);
  }
});
