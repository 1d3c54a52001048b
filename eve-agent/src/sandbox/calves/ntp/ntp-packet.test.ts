// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../../test/random.ts';
import { decodeNtpPacket, encodeNtpRequest, kissCodeOf } from './ntp-packet.ts';
import { encodeReply } from './scripted-reply.ts';

/** Of a server whose reference is its own clock; every field is another. */
const OF_A_SERVER = Buffer.from(
  '240a03e90000000000000000' +
    '7f7f0101' +
    'ecb1f2c1a3b4c5d6' +
    '0123456789abcdef' +
    'ecb1f2d000000001' +
    'ecb1f2d000010001',
  'hex',
);

const extension = (length: number, type = 0x0104) => {
  const field = Buffer.alloc(Math.max(4, length));
  field.writeUInt16BE(type, 0);
  field.writeUInt16BE(length, 2);
  return field;
};
const zeros = (length: number) => Buffer.alloc(length);

test("a server's header is read field by field", () => {
  expect(decodeNtpPacket(OF_A_SERVER)).toEqual({
    leap: 0,
    version: 4,
    stratum: 10,
    pollLog2: 3,
    precisionLog2: -23,
    rootDelayMs: 0,
    rootDispersionMs: 0,
    referenceId: 0x7f7f0101,
    referenceTimestamp: 0xecb1f2c1a3b4c5d6n,
    originTimestamp: 0x0123456789abcdefn,
    receiveTimestamp: 0xecb1f2d000000001n,
    transmitTimestamp: 0xecb1f2d000010001n,
  });
});

test('all values that a field can have are read as they are', () => {
  const greatest = decodeNtpPacket(
    Buffer.concat([Buffer.from([0xe4, 0xff, 0x7f, 0x80]), Buffer.alloc(44, 0xff)]),
  );
  expect(greatest).toMatchObject({
    leap: 3,
    stratum: 255,
    pollLog2: 127,
    precisionLog2: -128,
    rootDelayMs: (0xffff_ffff / 65_536) * 1000,
    referenceId: 0xffff_ffff,
    transmitTimestamp: 0xffff_ffff_ffff_ffffn,
  });
});

test('a view into other bytes is read from its own beginning', () => {
  const inside = Buffer.concat([zeros(5), OF_A_SERVER, zeros(3)]).subarray(5, 53);
  expect(decodeNtpPacket(inside)).toEqual(decodeNtpPacket(OF_A_SERVER));
});

describe('what is no answer', () => {
  test.each([
    ['nothing', zeros(0), 'too-short'],
    ['a byte', zeros(1), 'too-short'],
    ['a byte less than a header', OF_A_SERVER.subarray(0, 47), 'too-short'],
    ['a broken word behind it', Buffer.concat([OF_A_SERVER, zeros(2)]), 'not-whole-words'],
    ['as much as amplifiers send', Buffer.concat([OF_A_SERVER, zeros(468)]), 'too-long'],
    ['a whole datagram', zeros(65_507), 'too-long'],
    ['version 0', encodeReply({ version: 0 }), 'version'],
    ['version 2', encodeReply({ version: 2 }), 'version'],
    ['version 5', encodeReply({ version: 5 }), 'version'],
    ['version 7', encodeReply({ version: 7 }), 'version'],
    ['reserved', encodeReply({ mode: 0 }), 'mode'],
    ['a symmetric peer', encodeReply({ mode: 1 }), 'mode'],
    ['a client, or our own question', encodeReply({ mode: 3 }), 'mode'],
    ['a broadcast', encodeReply({ mode: 5 }), 'mode'],
    ['a control message', encodeReply({ mode: 6 }), 'mode'],
    ['a private message, as of monlist', encodeReply({ mode: 7 }), 'mode'],
  ])('%s: %s', (_, bytes, why) => {
    expect(decodeNtpPacket(bytes)).toBe(why);
  });

  test('our own question is none', () => {
    expect(decodeNtpPacket(encodeNtpRequest(1n))).toBe('mode');
  });
});

describe('what stands behind the header', () => {
  test.each([
    ['nothing', zeros(0)],
    ['one field', extension(16)],
    ['the longest last field', extension(460)],
    ['many fields', Buffer.concat(Array.from({ length: 28 }, () => extension(16)))],
    ['a field of a type that nobody knows', extension(28, 0xffff)],
    ['a crypto-NAK', zeros(4)],
    ['a code by MD5', zeros(20)],
    ['a code by SHA-1', zeros(24)],
    ['a code by SHA-512', Buffer.alloc(68, 0x41)],
    ['a field and a code', Buffer.concat([extension(32), Buffer.alloc(20, 0xff)])],
  ])('%s is passed over', (_, tail) => {
    expect(decodeNtpPacket(encodeReply({ tail, stratum: 3 }))).toMatchObject({ stratum: 3 });
  });

  test.each([
    ['a field that is longer than the packet', Buffer.concat([extension(400).subarray(0, 100)])],
    ['a field of no length', Buffer.concat([extension(0), zeros(96)])],
    ['a field shorter than the least', Buffer.concat([extension(12), zeros(96)])],
    ['a field of no whole words', Buffer.concat([extension(17), zeros(95)])],
    ['a field of the greatest length', Buffer.concat([extension(0).fill(0xff), zeros(96)])],
    ['a good field, then one too long', Buffer.concat([extension(16), extension(300).subarray(0, 100)])],
  ])('%s is malformed', (_, tail) => {
    expect(decodeNtpPacket(encodeReply({ tail }))).toBe('extension');
  });
});

test('random bytes are an answer or a reason, and never thrown', () => {
  const random = createRandom(5905);
  const reasons = new Set<string>();
  for (let turn = 0; turn < 20_000; turn += 1) {
    const bytes = random.bytes(random.pick([random.integer(0, 600), 48, 48 + 4 * random.integer(0, 116)]));
    if (bytes.length > 0 && random.next() < 0.8) bytes.writeUInt8(0x24, 0);
    const packet = decodeNtpPacket(bytes);
    reasons.add(typeof packet === 'string' ? packet : 'read');
  }
  expect([...reasons].sort()).toEqual(
    ['extension', 'mode', 'not-whole-words', 'read', 'too-long', 'too-short', 'version'].sort(),
  );
});

describe('a question', () => {
  test('tells nothing but 64 random bits', () => {
    const bytes = Buffer.from(encodeNtpRequest(0x0123_4567_89ab_cdefn));
    expect(bytes.toString('hex')).toBe(`23000020${'00'.repeat(36)}0123456789abcdef`);
  });
  test('takes all 64 bits', () => {
    const bits = 0xffff_ffff_ffff_ffffn;
    expect(Buffer.from(encodeNtpRequest(bits)).readBigUInt64BE(40)).toBe(bits);
  });
});

test.each([
  [0x5241_5445, 'RATE'],
  [0x4445_4e59, 'DENY'],
  [0x5253_5452, 'RSTR'],
  [0, '????'],
  [0x1b5b_324a, '?[2J'],
  [0xffff_ffff, '????'],
])('the code of %i is %s', (referenceId, code) => {
  expect(kissCodeOf(referenceId)).toBe(code);
});
