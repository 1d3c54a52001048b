// SPDX-License-Identifier: Apache-2.0
import { encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { readWireMessage } from './wire-message.ts';

/** A response of one record, byte by byte. */
function oneRecord(type: number, data: number[], owner: number[] = [2, 0x64, 0x73, 0]): Buffer {
  const header = [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
  const rest = [type >> 8, type & 0xff, 0, 1, 0, 0, 0, 120, 0, data.length];
  return Buffer.from([...header, ...owner, ...rest, ...data]);
}

describe('a message', () => {
  test('is read from all sections, names in presentation form', () => {
    const instance = 'My Files (ü)._http._tcp.local';
    const bytes = encode({
      type: 'response',
      questions: [{ type: 'PTR', name: '_http._tcp.local' }],
      answers: [{ name: '_http._tcp.local', type: 'PTR', ttl: 10, data: instance }],
      authorities: [{ name: instance, type: 'SRV', ttl: 20, data: { port: 80, target: 'ds.local' } }],
      additionals: [
        { name: 'ds.local', type: 'A', ttl: 30, data: '10.1.0.5' },
        { name: 'ds.local', type: 'AAAA', ttl: 30, data: 'fe80::5' },
        { name: instance, type: 'TXT', ttl: 30, data: ['a=b'] },
        { name: 'ds.local', type: 'NSEC', ttl: 30, data: { nextDomain: 'ds.local', rrtypes: ['A'] } },
      ],
    });
    const owner = 'My\\ Files\\ \\(\\195\\188\\)._http._tcp.local.';
    expect(readWireMessage(bytes)).toEqual({
      records: [
        { owner: '_http._tcp.local.', ttlSeconds: 10, data: { type: 'PTR', target: owner } },
        { owner, ttlSeconds: 20, data: { type: 'SRV', target: 'ds.local.' } },
        { owner: 'ds.local.', ttlSeconds: 30, data: { type: 'A', address: '10.1.0.5' } },
        { owner: 'ds.local.', ttlSeconds: 30, data: { type: 'AAAA', address: 'fe80:0:0:0:0:0:0:5' } },
        { owner, ttlSeconds: 30, data: { type: 'TXT' } },
        { owner: 'ds.local.', ttlSeconds: 30, data: { type: 'other' } },
      ],
    });
  });

  test('may promise more than it holds, hold more than it promises, and have empty records', () => {
    const more = oneRecord(1, [10, 1, 0, 5]);
    more.writeUInt16BE(7, 6);
    expect(readWireMessage(more)).toMatchObject({ records: [{ data: { address: '10.1.0.5' } }] });
    const trailing = Buffer.concat([oneRecord(1, [10, 1, 0, 5]), Buffer.of(1, 2, 3)]);
    expect(readWireMessage(trailing)).toMatchObject({ records: [{ data: { address: '10.1.0.5' } }] });
    expect(readWireMessage(oneRecord(1, []))).toMatchObject({ records: [{ data: { address: '' } }] });
  });
});

const MAPPED = [...Buffer.alloc(10), 0xff, 0xff, 10, 1, 0, 5];

/** What miekg/dns bears in a record, checked against its source (`msg_helpers.go`, `svcb.go`). */
test.each<[string, Buffer]>([
  ['NSEC without any bitmap bytes', oneRecord(47, [0])],
  ['NSEC with a block', oneRecord(47, [0, 0, 1, 0x40])],
  ['NSEC without data', oneRecord(47, [])],
  ['HTTPS with a priority alone', oneRecord(65, [0, 1])],
  ['HTTPS without keys', oneRecord(65, [0, 1, 0])],
  [
    'HTTPS with alpn, port and a hint',
    oneRecord(65, [0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32, 0, 3, 0, 2, 1, 187]),
  ],
  ['HTTPS with a key that nobody knows', oneRecord(65, [0, 1, 0, 9, 9, 0, 1, 7])],
  ['a type that nobody knows', oneRecord(65_280, [1, 2, 3])],
  ['HINFO with one text', oneRecord(13, [1, 0x61])],
  ['OPT of the sleep proxy', oneRecord(41, [0, 4, 0, 2, 1, 2])],
])('%s is read', (_, bytes) => {
  expect(readWireMessage(bytes)).toMatchObject({ records: [{ data: { type: 'other' } }] });
});

test.each([0, 2, 4, 6])('SRV with %i bytes of data names no host', (length) => {
  const bytes = oneRecord(33, [...Buffer.alloc(length)]);
  expect(readWireMessage(bytes)).toMatchObject({ records: [{ data: { type: 'SRV', target: '' } }] });
});

test.each([
  ['the header is cut off', Buffer.alloc(11)],
  ['a name is cut off', oneRecord(12, [5, 0x64])],
  ['an A record is cut off', oneRecord(1, [10, 1, 0])],
  ['a record of type 1 has bytes left over', oneRecord(1, [10, 1, 0, 5, 6])],
  ['a name has a label of an unknown kind', oneRecord(12, [0x40])],
  ['a name has too many compression pointers', oneRecord(12, [0xc0, 26])],
  ['a text is cut off', oneRecord(16, [5, 0x61])],
  ['an NSEC record has a window block of length 0', oneRecord(47, [0, 0, 0])],
  ['an NSEC record has a window block of length 0', oneRecord(47, [0, 0, 1, 0x40, 1, 0])],
  ['an NSEC bitmap is cut off', oneRecord(47, [0, 0])],
  ['an HTTPS record is cut off', oneRecord(65, [0])],
  ['a name is cut off', oneRecord(65, [0, 1, 3, 0x64])],
  ['an HTTPS record is cut off', oneRecord(65, [0, 1, 0, 0, 1, 0, 9, 2])],
  ['an HTTPS record has a malformed key 0', oneRecord(65, [0, 1, 0, 0, 0, 0, 1, 9])],
  ['an HTTPS record has a malformed key 1', oneRecord(65, [0, 1, 0, 0, 1, 0, 2, 9, 9])],
  ['an HTTPS record has a malformed key 2', oneRecord(65, [0, 1, 0, 0, 2, 0, 1, 9])],
  ['an HTTPS record has a malformed key 3', oneRecord(65, [0, 1, 0, 0, 3, 0, 1, 80])],
  ['an HTTPS record has a malformed key 4', oneRecord(65, [0, 1, 0, 0, 4, 0, 0])],
  ['an HTTPS record has a malformed key 4', oneRecord(64, [0, 1, 0, 0, 4, 0, 3, 10, 1, 0])],
  ['an HTTPS record has a malformed key 6', oneRecord(65, [0, 1, 0, 0, 6, 0, 16, ...MAPPED])],
  ['an HTTPS record has a malformed key 65535', oneRecord(65, [0, 1, 0, 255, 255, 0, 0])],
  ['the keys of an HTTPS record are out of order', oneRecord(65, [0, 1, 0, 0, 5, 0, 0, 0, 5, 0, 0])],
  ['an SRV record is cut off', oneRecord(33, [0])],
  ['the bitmaps of an NSEC record are out of order', oneRecord(47, [0, 1, 1, 0x40, 0, 1, 0x40])],
  ['a bitmap of an NSEC record is too long', oneRecord(47, [0, 0, 33])],
  ['a record is cut off', oneRecord(1, [10, 1, 0, 5]).subarray(0, -1)],
])('%s: discarded whole', (reason, bytes) => {
  expect(readWireMessage(bytes)).toBe(reason);
});

test('a name of more than 255 bytes is discarded', () => {
  const label = [63, ...Buffer.alloc(63, 'a')];
  const bytes = oneRecord(1, [10, 1, 0, 5], [...label, ...label, ...label, ...label, 0]);
  expect(readWireMessage(bytes)).toBe('a name is longer than 255 bytes');
});

test('no bytes whatever make it throw', () => {
  const seed = encode({
    type: 'response',
    answers: [{ name: 'x._http._tcp.local', type: 'SRV', ttl: 20, data: { port: 80, target: 'ds.local' } }],
    additionals: [{ name: 'ds.local', type: 'A', ttl: 30, data: '10.1.0.5' }],
  });
  for (let offset = 0; offset < seed.length; offset += 1) {
    for (const value of [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff]) {
      const bytes = Buffer.from(seed);
      bytes[offset] = value;
      expect(['string', 'object']).toContain(typeof readWireMessage(bytes));
      expect(['string', 'object']).toContain(typeof readWireMessage(bytes.subarray(0, offset)));
    }
  }
});
