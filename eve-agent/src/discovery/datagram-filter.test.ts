// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Bridge } from './bridges.ts';
import { createDatagramFilter, MAX_RECORDS_PER_DATAGRAM } from './datagram-filter.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
const APP = { address: '10.1.0.5', port: 5353 };

function datagram({ flags = 0x8400, records = 1, bytes = 40 } = {}): Buffer {
  const message = Buffer.alloc(bytes);
  message.writeUInt16BE(flags, 2);
  message.writeUInt16BE(records, 6);
  return message;
}

const filter = (nowMs: () => number = () => 0) => createDatagramFilter([BN1, BN2], nowMs);

test.each([
  ['the first bridge', '10.1.0.5', BN1],
  ['the second bridge', '10.2.0.254', BN2],
])('a response is attributed by its source to %s', (_, address, bridge) => {
  expect(filter()(datagram(), { address, port: 5353 })).toEqual({ kind: 'response', bridge });
});

test.each([
  ['from no link of ours', datagram(), { address: '10.3.0.5', port: 5353 }, 'off-link-source'],
  ['from another port (RFC 6762 §6)', datagram(), { ...APP, port: 40_000 }, 'wrong-port'],
  ['larger than RFC 6762 allows', datagram({ bytes: 9001 }), APP, 'too-large'],
  ['with too many records', datagram({ records: MAX_RECORDS_PER_DATAGRAM + 1 }), APP, 'too-many-records'],
])('a response %s is rejected', (_, message, source, reason) => {
  expect(filter()(message, source)).toEqual({ kind: 'rejected', reason });
});

test.each([
  ['shorter than a header', Buffer.alloc(11)],
  ['with an opcode', datagram({ flags: 0x8800 })],
  ['with an error code', datagram({ flags: 0x8403 })],
])('a datagram %s is malformed', (_, message) => {
  expect(filter()(message, APP)).toEqual({ kind: 'malformed' });
});

test('a question is told apart', () => {
  expect(filter()(datagram({ flags: 0 }), APP)).toEqual({ kind: 'query', isOfThisHost: false });
});

test.each([
  ['a question is ours, or of another program here', 0, { kind: 'query', isOfThisHost: true }],
  ['an answer is that of a datastore here', 0x8400, { kind: 'response', bridge: BN2 }],
  ['an error is none', 0x8403, { kind: 'malformed' }],
])('from this host’s own address %s', (_, flags, expected) => {
  expect(filter()(datagram({ flags }), { address: BN2.address, port: 5353 })).toEqual(expected);
});

describe('a flood', () => {
  const flood = (judge: ReturnType<typeof filter>) =>
    Array.from({ length: 1000 }, () => judge(datagram(), APP)).filter(({ kind }) => kind === 'response')
      .length;

  test('is cut off, while a neighbour is still heard', () => {
    const judge = filter();
    expect(flood(judge)).toBe(250);
    expect(judge(datagram(), APP)).toEqual({ kind: 'rejected', reason: 'too-many-datagrams' });
    expect(judge(datagram(), { address: '10.1.0.6', port: 5353 }).kind).toBe('response');
  });

  test('on port 5353 leaves what comes to our own port alone, and is cut off there, too', () => {
    const judge = filter();
    const toOwnPort = (datagrams: number) =>
      Array.from({ length: datagrams }, () => judge(datagram(), { ...APP, isToOwnPort: true }).kind);
    expect(flood(judge)).toBe(250);
    expect(new Set(toOwnPort(250))).toEqual(new Set(['response']));
    expect(toOwnPort(1)).toEqual(['rejected']);
  });

  test('is forgotten after a second', () => {
    let now = 0;
    const judge = filter(() => now);
    flood(judge);
    now = 1000;
    expect(judge(datagram(), APP).kind).toBe('response');
  });

  test('from many sources is cut off as well', () => {
    const judge = createDatagramFilter([{ name: 'bn1', address: '10.0.0.1', cidr: '10.0.0.1/8' }], () => 0);
    const verdicts = Array.from({ length: 2000 }, (_, i) =>
      judge(datagram(), { address: `10.1.${i >> 8}.${i & 255}`, port: 5353 }),
    );
    expect(verdicts.filter(({ kind }) => kind === 'response')).toHaveLength(1024);
  });
});
