// SPDX-License-Identifier: Apache-2.0
import { type Answer, decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { MAX_RECORDS_PER_DATAGRAM } from './datagram-filter.ts';
import { decodeMessage } from './decode-message.ts';

const ADDRESS: Answer = { name: 'ds.local', type: 'A', ttl: 120, class: 'IN', flush: true, data: '10.1.0.5' };
const NAME = Buffer.from('\u0002ds\u0005local\u0000');
const BARE: Answer = { name: 'ds.local', type: 'A', ttl: 120, data: '10.1.0.5' };

/** A record as bytes: what no encoder would write. */
function raw(type: number, data: Buffer, name = NAME, lengthBytes = data.length): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(0x8001, 2);
  fixed.writeUInt32BE(120, 4);
  fixed.writeUInt16BE(lengthBytes, 8);
  return Buffer.concat([name, fixed, data]);
}

const GOOD = raw(1, Buffer.from([10, 1, 0, 5]));

function message(records: readonly Buffer[], { answers = records.length, questions = 0 } = {}): Buffer {
  const header = Buffer.from('000084000000000000000000', 'hex');
  header.writeUInt16BE(questions, 4);
  header.writeUInt16BE(answers, 6);
  return Buffer.concat([header, ...records]);
}

/** One malformed record each, whose end is known. */
const MALFORMED: Readonly<Record<string, Buffer>> = {
  'an A record of three bytes': raw(1, Buffer.alloc(3)),
  'an A record of five bytes': raw(1, Buffer.alloc(5)),
  'an A record of none': raw(1, Buffer.alloc(0)),
  'an AAAA record of four bytes': raw(28, Buffer.alloc(4)),
  'an SRV record without a target': raw(33, Buffer.alloc(6)),
  'an SRV record that is cut off': raw(33, Buffer.alloc(3)),
  'an SRV record whose target runs out': raw(33, Buffer.from([0, 0, 0, 0, 0, 80, 9, 0x64])),
  'a PTR record that points behind the end': raw(12, Buffer.from([0xff, 0xff])),
  'a PTR record with bytes behind its name': raw(12, Buffer.from([0, 1, 2])),
  'a PTR record with a label of an unknown kind': raw(12, Buffer.from([0x80, 0])),
  'a CNAME record of nothing': raw(5, Buffer.alloc(0)),
  'a TXT record whose string runs out': raw(16, Buffer.from([200, 0x61])),
  'an NSEC record whose bitmap runs out': raw(47, Buffer.concat([NAME, Buffer.from([0, 4, 1])])),
  'an OPT record whose option runs out': raw(41, Buffer.from([0, 1, 0, 9]), Buffer.alloc(1)),
  'a record whose name points behind the end': raw(1, Buffer.from([10, 1, 0, 9]), Buffer.from([0xff, 0xff])),
  'a record whose name is too long': raw(
    1,
    Buffer.from([10, 1, 0, 9]),
    Buffer.concat([...Array.from({ length: 5 }, () => Buffer.alloc(64, 63)), Buffer.alloc(1)]),
  ),
};

describe('a malformed record costs itself alone', () => {
  test.each(Object.entries(MALFORMED))('%s', (_, malformed) => {
    for (const records of [
      [malformed, GOOD],
      [GOOD, malformed],
      [malformed, GOOD, malformed],
    ]) {
      expect(decodeMessage(message(records))).toEqual({
        ...{ type: 'response', answers: [ADDRESS], authorities: [], additionals: [] },
        malformedRecordCount: records.length - 1,
      });
    }
    expect(decodeMessage(message([malformed]))).toBeNull();
  });
});

describe('what stood before counts, where the rest cannot be found', () => {
  test.each([
    ['a record that is longer than the message', raw(1, Buffer.from([10, 1, 0, 9]), NAME, 5)],
    ['half a record', GOOD.subarray(0, 12)],
    ['half a name', NAME.subarray(0, 4)],
    ['a name with a label of an unknown kind', raw(1, Buffer.alloc(4), Buffer.from([0x40, 0]))],
    ['nothing, though the header promises more', Buffer.alloc(0)],
  ])('%s', (_, rest) => {
    const decoded = decodeMessage(message([GOOD, rest, GOOD]).subarray(0, 12 + GOOD.length + rest.length));
    expect(decoded).toMatchObject({ answers: [ADDRESS], malformedRecordCount: 1 });
    expect(decodeMessage(message([rest], { answers: 1 }))).toBeNull();
  });
});

describe('what nobody knows is left as it is', () => {
  test.each([
    ['an HTTPS record that EVE’s parser refuses', raw(65, Buffer.from([0]))],
    ['a type of the future', raw(65_000, Buffer.from('whatever'))],
  ])('%s', (_, other) => {
    expect(decodeMessage(message([other, GOOD]))?.malformedRecordCount).toBe(0);
  });
  test('bytes behind the last record', () => {
    expect(decodeMessage(message([GOOD, Buffer.alloc(7)], { answers: 1 }))).toMatchObject({
      answers: [ADDRESS],
      malformedRecordCount: 0,
    });
  });
});

test('a repeated question, as in an answer to a query of one’s own port, is passed over', () => {
  const question = Buffer.concat([NAME, Buffer.from([0, 1, 0, 1])]);
  expect(decodeMessage(message([question, GOOD], { answers: 1, questions: 1 }))?.answers).toEqual([ADDRESS]);
});

test.each([
  ['shorter than a header', Buffer.alloc(11)],
  ['with a question that is cut off', message([NAME], { answers: 0, questions: 1 })],
  ['with a question without a name', message([Buffer.from([0x80])], { answers: 0, questions: 1 })],
  ['of nothing but noise', Buffer.concat([message([], { answers: 3 }), Buffer.alloc(60, 0xff)])],
])('a message %s is none', (_, bytes) => {
  expect(decodeMessage(bytes)).toBeNull();
});

test('a message without records is one', () => {
  expect(decodeMessage(message([]))).toMatchObject({ type: 'response', answers: [] });
  expect(decodeMessage(Buffer.alloc(12))).toMatchObject({ type: 'query' });
});

test('not more is decoded than one responder has to say, nor more faults borne than one may have', () => {
  const many = message(Array.from({ length: MAX_RECORDS_PER_DATAGRAM + 5 }, () => GOOD));
  expect(decodeMessage(many)?.answers).toHaveLength(MAX_RECORDS_PER_DATAGRAM);
  const bad = Array.from({ length: 16 }, () => raw(1, Buffer.alloc(3)));
  expect(decodeMessage(message([...bad.slice(1), GOOD]))?.answers).toEqual([ADDRESS]);
  expect(decodeMessage(message([...bad, GOOD]))).toBeNull();
});

test('a sound message is decoded as dns-packet does it', () => {
  const instance = 'ds._http._tcp.local';
  const bytes = encode({
    type: 'response',
    answers: [{ name: '_http._tcp.local', type: 'PTR', ttl: 4500, data: instance }],
    authorities: [BARE],
    additionals: [
      { name: instance, type: 'SRV', ttl: 120, data: { port: 80, target: 'ds.local' } },
      { name: instance, type: 'TXT', ttl: 4500, data: ['a=b', ''] },
      { name: 'ds.local', type: 'NSEC', ttl: 120, data: { nextDomain: 'ds.local', rrtypes: ['A'] } },
      { name: 'ds.local', type: 'AAAA', ttl: 120, data: 'fe80::1' },
    ],
  });
  const { answers, authorities, additionals } = decode(bytes);
  expect(decodeMessage(bytes)).toMatchObject({ answers, authorities, additionals, malformedRecordCount: 0 });
});
