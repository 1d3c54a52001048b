// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { interpret, packetData } from './bpf-interpreter.ts';
import { DROP, KEEP_WHOLE } from './bpf-program.ts';
import { mdnsFilter } from './mdns-filter.ts';

const HEADER_BYTES = 8;

function datagram(source: number, destination: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payloadBytes);
  bytes.writeUInt16BE(source, 0);
  bytes.writeUInt16BE(destination, 2);
  return bytes;
}

it.each([
  ['a question to the group', 5353, 5353, 40, KEEP_WHOLE],
  ['a question from another port', 40_000, 5353, 40, KEEP_WHOLE],
  ['an answer to another port', 5353, 40_000, 40, KEEP_WHOLE],
  ['a header alone', 5353, 5353, 12, KEEP_WHOLE],
  ['the longest message', 5353, 5353, 9000, KEEP_WHOLE],
  ['less than a header', 5353, 5353, 11, DROP],
  ['nothing', 5353, 5353, 0, DROP],
  ['more than a message', 5353, 5353, 9001, DROP],
  ['ordinary DNS', 53, 40_000, 40, DROP],
  ['a port whose bytes are exchanged', 0xe914, 0xe914, 40, DROP],
  ['ports that together are', 0x14, 0xe9, 40, DROP],
  ['port 0', 0, 0, 40, DROP],
])('%s', (_, source, destination, payloadBytes, verdict) => {
  expect(interpret(mdnsFilter(), packetData(datagram(source, destination, payloadBytes)))).toBe(verdict);
});

it('drops what is no header', () => {
  for (let length = 0; length < HEADER_BYTES; length += 1) {
    expect(interpret(mdnsFilter(), packetData(Buffer.alloc(length, 0x14)))).toBe(DROP);
  }
});
