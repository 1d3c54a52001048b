// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type Request,
  type Response,
} from './wire.ts';

/** A message of so many words, each its two halves. */
function words(...halves: readonly (readonly [low: number, high: number])[]): Uint8Array {
  const message = Buffer.alloc(8 + halves.length * 8);
  message.writeUInt32LE(halves.length, 4);
  for (const [i, [low, high]] of halves.entries()) {
    message.writeUInt32LE(low >>> 0, 8 + i * 8);
    message.writeUInt32LE(high >>> 0, 12 + i * 8);
  }
  return message;
}

const struct = (offset: number, data: number, pointers: number) =>
  [offset * 4, data + pointers * 0x10000] as const;
const list = (offset: number, size: number, count: number) => [offset * 4 + 1, count * 8 + size] as const;
const NOTHING = [0, 0] as const;
/** "ip" and its NUL. */
const IP = [0x7069, 0] as const;

const LONGEST_PATH = Array.from({ length: 16 }, (_, i) => String.fromCharCode(0x61 + i).repeat(64));
const REQUESTS: readonly Request[] = [
  { id: 1, path: ['ip'], op: 'read' },
  { id: -1, path: ['resolved', 'ds.local', 'ip'], op: 'write', value: Buffer.from('10.1.0.5') },
  { id: 0, path: ['ip'], op: 'write', value: Buffer.alloc(0) },
  { id: 2 ** 31 - 1, path: LONGEST_PATH, op: 'write', value: Buffer.alloc(4096, 7) },
  { id: -(2 ** 31), path: LONGEST_PATH, op: 'delete' },
  { id: 5, path: ['bridges', '*'], op: 'watch' },
  { id: 5, path: [], op: 'unwatch' },
  { id: 0, path: [''], op: 'read' },
];
const RESPONSES: readonly Response[] = [
  { id: 1, kind: 'ok', value: Buffer.alloc(0) },
  { id: 0, kind: 'ok', value: Buffer.alloc(4096, 255) },
  { id: -7, kind: 'error', value: Buffer.from('DENIED') },
  { id: 5, kind: 'event', event: { seq: 1, path: ['a', 'b'], kind: 'value', value: Buffer.from('v') } },
  { id: 5, kind: 'event', event: { seq: 2 ** 32 - 1, path: ['a'], kind: 'deleted' } },
  { id: 5, kind: 'event', event: { seq: 0, path: [], kind: 'lost', value: Buffer.from('BUSY') } },
];

describe('a message', () => {
  it.each(REQUESTS.map((each) => [each.op, each] as const))(
    'of a request to %s is read as it was',
    (_, request) => {
      expect(decodeRequest(encodeRequest(request))).toEqual(request);
    },
  );
  it.each(RESPONSES.map((each) => [each.kind, each] as const))(
    'of a response, %s, is read as it was',
    (_, response) => {
      expect(decodeResponse(encodeResponse(response))).toEqual(response);
    },
  );

  it('is what the compiler of Cap’n Proto lays out', () => {
    expect(encodeRequest({ id: 7, path: ['ip'], op: 'read' })).toEqual(
      words(struct(0, 1, 1), [7, 1], list(0, 6, 1), list(0, 2, 3), IP),
    );
    expect(encodeRequest({ id: 7, path: ['ip'], op: 'write', value: Buffer.from('ip\0') })).toEqual(
      words(struct(0, 1, 2), [7, 0], list(1, 6, 1), list(2, 2, 3), list(0, 2, 3), IP, IP),
    );
    expect(encodeResponse({ id: -1, kind: 'error', value: Buffer.from('ip') })).toEqual(
      words(struct(0, 1, 1), [-1, 1], list(0, 2, 2), IP),
    );
  });

  it('has no section that is all zero', () => {
    const [, , ...rest] = encodeRequest({ id: 0, path: ['ip'], op: 'write', value: Buffer.alloc(0) });
    expect(Uint8Array.from([0, 0, ...rest])).toEqual(
      Uint8Array.from(words(struct(0, 0, 2), list(1, 6, 1), list(2, 2, 0), list(0, 2, 3), IP)),
    );
  });

  it('has the defaults where there is nothing', () => {
    const nothing = { id: 0, path: [], op: 'write', value: Buffer.alloc(0) };
    for (const empty of [words(NOTHING), words([-4, 0]), words(struct(0, 1, 2), NOTHING, NOTHING, NOTHING)]) {
      expect(decodeRequest(empty)).toEqual(nothing);
    }
    expect(decodeResponse(words(struct(0, 1, 1), [5, 2], NOTHING))).toEqual({
      id: 5,
      kind: 'event',
      event: { seq: 0, path: [], kind: 'value', value: Buffer.alloc(0) },
    });
  });

  it('may have fields of a later schema', () => {
    const later = words(
      struct(0, 2, 3),
      [7, 1],
      [9, 9],
      list(2, 6, 1),
      NOTHING,
      list(1, 2, 3),
      list(0, 2, 3),
      IP,
    );
    expect(decodeRequest(later)).toEqual({ id: 7, path: ['ip'], op: 'read' });
  });

  it('may have its objects in any order', () => {
    // The text stands before the struct, to which the root points.
    const message = words(struct(2, 1, 1), IP, list(-2, 2, 3), [7, 1], list(-3, 6, 1));
    expect(decodeRequest(message)).toEqual({ id: 7, path: ['ip'], op: 'read' });
  });
});

const HEAD = [struct(0, 1, 2), [7, 0]] as const;

describe('a message is refused', () => {
  it.each<[string, Uint8Array, string]>([
    ['of no bytes', new Uint8Array(0), 'cut short'],
    ['of a table alone', Buffer.alloc(8), 'cut short'],
    ['of two segments', Buffer.from([1, ...new Uint8Array(23)]), '2 segments in the place of one'],
    [
      'of very many segments',
      Buffer.concat([Buffer.from('feffff7f', 'hex'), Buffer.alloc(12)]),
      '2147483647 segments',
    ],
    ['of 2^32 segments', Buffer.concat([Buffer.alloc(4, 255), Buffer.alloc(12)]), '4294967296 segments'],
    [
      'whose segment is longer',
      Buffer.from([0, 0, 0, 0, 2, 0, 0, 0, ...new Uint8Array(8)]),
      'a segment of 2 words',
    ],
    ['whose segment is shorter', Buffer.from([0, 0, 0, 0, 1, ...new Uint8Array(19)]), 'a segment of 1 words'],
    ['of no whole words', Buffer.from([0, 0, 0, 0, 1, ...new Uint8Array(12)]), 'a segment of 1 words'],
    ['of more than 64 KiB', Buffer.alloc(65_544), 'a message of 65544 bytes'],
    ['whose root is a list', words(list(0, 2, 0)), 'a list in the place of a struct'],
    ['whose root is a far pointer', words([2, 0]), 'a far pointer in the place of a struct'],
    ['whose root is a capability', words([3, 0]), 'a capability in the place of a struct'],
    ['whose root is beyond the end', words(struct(0, 1, 0)), 'a pointer to 1 words that leads out'],
    [
      'whose root is before the beginning',
      words(struct(-2, 1, 0), NOTHING),
      'a pointer to 1 words that leads out',
    ],
    ['whose root is too long', words(struct(0, 65_535, 65_535), NOTHING), 'a pointer to 131070 words'],
    ['whose path is a struct', words(...HEAD, struct(-1, 0, 0), NOTHING), 'a struct in the place of a list'],
    ['whose path is a far pointer', words(...HEAD, [2, 0], NOTHING), 'a far pointer in the place of a list'],
    [
      'whose path is a list of structs',
      words(...HEAD, list(0, 7, 0), NOTHING),
      'a list of structs in the place of pointers',
    ],
    [
      'whose path is bytes',
      words(...HEAD, list(0, 2, 0), NOTHING),
      'a list of bytes in the place of pointers',
    ],
    [
      'whose path has 17 components',
      words(...HEAD, list(1, 6, 17), ...Array.from({ length: 18 }, () => NOTHING)),
      'a path of 17 components',
    ],
    [
      'whose path is very long',
      words(...HEAD, list(1, 6, 2 ** 29 - 1), NOTHING),
      'a pointer to 536870911 words',
    ],
    [
      'whose path is beyond the end',
      words(...HEAD, list(5, 6, 1), NOTHING),
      'a pointer to 1 words that leads out',
    ],
    [
      'whose path is far before',
      words(...HEAD, list(-(2 ** 29), 6, 1), NOTHING),
      'a pointer to 1 words that leads out',
    ],
    [
      'with a component of structs',
      words(...HEAD, list(1, 6, 1), NOTHING, struct(0, 1, 0), NOTHING),
      'a struct in the place of a list',
    ],
    [
      'with a component without NUL',
      words(...HEAD, list(1, 6, 1), NOTHING, list(0, 2, 2), IP),
      'a text without a NUL',
    ],
    [
      'with a component of no ASCII',
      words(...HEAD, list(1, 6, 1), NOTHING, list(0, 2, 3), [0xa4c3, 0]),
      'a text that is not ASCII',
    ],
    [
      'with a component of 65 bytes',
      words(...HEAD, list(1, 6, 1), NOTHING, list(0, 2, 66), ...Array.from({ length: 9 }, () => NOTHING)),
      'a component of 65 bytes',
    ],
    [
      'whose value is longer than the message',
      words(...HEAD, NOTHING, list(0, 2, 1)),
      'a pointer to 1 words that leads out',
    ],
    [
      'whose value is very long',
      words(...HEAD, NOTHING, list(0, 2, 2 ** 29 - 1)),
      'a pointer to 67108864 words',
    ],
    [
      'whose value is a list of words',
      words(...HEAD, NOTHING, list(0, 5, 0)),
      'a list of 64 bits in the place of bytes',
    ],
    ['of an unknown kind', words(struct(0, 1, 0), [7, 5]), 'a request of the unknown kind 5'],
  ])('%s', (_, message, why) => {
    expect(() => decodeRequest(message)).toThrow(why);
    expect(() => decodeRequest(message)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });

  it.each<[string, Uint8Array, string]>([
    ['a response of an unknown kind', words(struct(0, 1, 0), [7, 3]), 'a response of the unknown kind 3'],
    [
      'an event of an unknown kind',
      words(struct(0, 1, 1), [7, 2], struct(0, 1, 0), [1, 3]),
      'an event of the unknown kind 3',
    ],
    [
      'an event that is bytes',
      words(struct(0, 1, 1), [7, 2], list(0, 2, 0)),
      'a list in the place of a struct',
    ],
    [
      'an event that is far',
      words(struct(0, 1, 1), [7, 2], [2, 1]),
      'a far pointer in the place of a struct',
    ],
  ])('that is %s', (_, message, why) => {
    expect(() => decodeResponse(message)).toThrow(why);
  });

  it('before it is written when it is too long', () => {
    const write = (bytes: number): Request => ({
      id: 1,
      path: ['a'],
      op: 'write',
      value: new Uint8Array(bytes),
    });
    const most = 65_536 - 7 * 8;
    expect(encodeRequest(write(most))).toHaveLength(65_536);
    expect(() => encodeRequest(write(most + 1))).toThrow('a message of 65544 bytes');
  });

  it('whatever one byte is changed to, or is read within its bounds', () => {
    const message = encodeRequest({ id: 7, path: ['ip', 'x'], op: 'write', value: Buffer.from('12345678') });
    for (let i = 0; i < message.length; i += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const changed = Buffer.from(message);
        changed[i] = byte;
        let request: Request;
        try {
          request = decodeRequest(changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MALFORMED' });
          continue;
        }
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }
    }
  });
});
