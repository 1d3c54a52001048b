// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { interpret, packetData } from './bpf-interpreter.ts';
import { DROP, KEEP_WHOLE } from './bpf-program.ts';
import { ntpFilter } from './ntp-filter.ts';

const ANSWER = { port: 123, first: 0x24, payloadBytes: 48 };

function datagram({ port, first, payloadBytes }: typeof ANSWER): Buffer {
  const bytes = Buffer.alloc(8 + payloadBytes);
  bytes.writeUInt16BE(port, 0);
  if (payloadBytes > 0) bytes[8] = first;
  return bytes;
}
/** A header of IP that has a sender, and another who is asked. */
const IP = {
  '10.0.0.5': Buffer.concat([Buffer.alloc(12, 0x45), Buffer.from('0a0000050a000006', 'hex')]),
  '2001:db8::5': Buffer.concat([
    Buffer.alloc(8, 0x60),
    Buffer.from('20010db8000000000000000000000005', 'hex'),
    Buffer.from('20010db8000000000000000000000006', 'hex'),
  ]),
  'fe80::5%eth0': Buffer.concat([
    Buffer.alloc(8, 0x60),
    Buffer.from('fe800000000000000000000000000005', 'hex'),
  ]),
} as const;
const judge = (address: string, from: keyof typeof IP, fields: Partial<typeof ANSWER> = {}) =>
  interpret(ntpFilter(address, 123), packetData(datagram({ ...ANSWER, ...fields }), IP[from]));

it.each<[string, number, Partial<typeof ANSWER>]>([
  ['an answer', KEEP_WHOLE, {}],
  ['one of version 3, with a warning', KEEP_WHOLE, { first: 0xdc }],
  ['one with fields behind it', KEEP_WHOLE, { payloadBytes: 1400 }],
  ['one from another port', DROP, { port: 124 }],
  ['a question', DROP, { first: 0x23 }],
  ['a command', DROP, { first: 0x26 }],
  ['one that is too short', DROP, { payloadBytes: 47 }],
  ['nothing', DROP, { payloadBytes: 0 }],
])('%s is let in or not', (_, verdict, fields) => {
  for (const address of ['10.0.0.5', '2001:db8::5', 'fe80::5%eth0'] as const) {
    expect([address, judge(address, address, fields)]).toEqual([address, verdict]);
  }
});

it.each([
  ['another host', '10.0.0.6', '10.0.0.5'],
  ['one whose address begins alike', '10.0.0.4', '10.0.0.5'],
  ['another one of IPv6', '2001:db8::6', '2001:db8::5'],
  ['one of another net of IPv6', '2001:db9::5', '2001:db8::5'],
  ['one of IPv6 in place of IPv4', '10.0.0.5', '2001:db8::5'],
] as const)('%s is not heard', (_, address, from) => {
  expect(judge(address, from)).toBe(DROP);
});

it('drops what is no header, and is of an address alone', () => {
  for (let length = 0; length < 8; length += 1) {
    expect(interpret(ntpFilter('10.0.0.5', 123), packetData(Buffer.alloc(length)))).toBe(DROP);
  }
  expect(() => ntpFilter('ds.local', 123)).toThrow('no address');
});
