// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { MalformedPacketError } from './malformed-packet.ts';
import { type DhcpMessage, decodeMessage, encodeMessage } from './message.ts';
import { readParameters } from './parameters.ts';

const REPLY: DhcpMessage = {
  operation: 'reply',
  transactionId: 0xdeadbeef,
  seconds: 7,
  isBroadcast: true,
  clientAddress: '0.0.0.0',
  yourAddress: '10.0.0.5',
  nextServer: '10.0.0.1',
  relay: '0.0.0.0',
  clientMac: '02:00:00:00:00:01',
  options: new Map([[53, Buffer.from([2])]]),
};
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A reply whose fields for options hold these bytes, as they are. */
function withAreas({ options, file = '', sname = '' }: Record<string, string> & { options: string }): Buffer {
  const bytes = Buffer.concat([encodeMessage(REPLY).subarray(0, 240), hex(options)]);
  hex(sname).copy(bytes, 44);
  hex(file).copy(bytes, 108);
  return bytes;
}

function changed(offset: number, byte: number): Buffer {
  const bytes = encodeMessage(REPLY);
  bytes[offset] = byte;
  return bytes;
}

describe('a message', () => {
  it('is read as it was written, and is never shorter than BOOTP', () => {
    const bytes = encodeMessage(REPLY);
    expect(bytes).toHaveLength(300);
    expect(decodeMessage(bytes)).toEqual(REPLY);
  });

  it('says no more seconds than its field can hold', () => {
    expect(decodeMessage(encodeMessage({ ...REPLY, seconds: 100_000 })).seconds).toBe(65_535);
  });

  it.each([0, 1, 255, 256, 510, 600])(
    'holds a value of %s bytes, in as many options as that takes',
    (length) => {
      const value = Buffer.from(Array.from({ length }, (_, index) => index & 0xff));
      const options = new Map([
        [53, Buffer.from([5])],
        [121, value],
        [6, Buffer.from([1, 2, 3, 4])],
      ]);
      expect(decodeMessage(encodeMessage({ ...REPLY, options })).options).toEqual(options);
    },
  );

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['cut short before its options', encodeMessage(REPLY).subarray(0, 239)],
    ['another operation', changed(0, 3)],
    ['other hardware', changed(1, 6)],
    ['addresses of 16 bytes', changed(2, 16)],
    ['without the magic', changed(238, 0)],
    ['an option without a length', withAreas({ options: '35 01 02 33' })],
    ['an option beyond the end', withAreas({ options: '35 01 02 33 04 00 00' })],
    ['one that says 255 bytes', withAreas({ options: '35 01 02 06 ff 01 02 03 04 ff' })],
    [
      'an option beyond the end of the file field',
      withAreas({ options: '350102 340101 ff', file: `${'00'.repeat(127)}06` }),
    ],
    [
      'one beyond the end of sname',
      withAreas({ options: '350102 340102 ff', sname: `${'00'.repeat(61)}06 04 00` }),
    ],
    ['overload 0', withAreas({ options: '35 01 02 34 01 00 ff' })],
    ['overload 4', withAreas({ options: '35 01 02 34 01 04 ff' })],
    ['an overload of two bytes', withAreas({ options: '35 01 02 34 02 01 01 ff' })],
    ['an empty overload', withAreas({ options: '35 01 02 34 00 ff' })],
    ['two overloads', withAreas({ options: '35 01 02 34 01 01 34 01 02 ff' })],
  ])('is refused: %s', (_title, bytes) => {
    expect(() => decodeMessage(bytes)).toThrow(MalformedPacketError);
  });

  it.each<[string, Buffer, Record<number, string>]>([
    ['without an end, at the end of the packet', withAreas({ options: '35 01 02' }), { 53: '02' }],
    ['without any', withAreas({ options: '' }), {}],
    ['with padding between', withAreas({ options: '00 00 35 01 02 00 ff 06 99' }), { 53: '02' }],
    ['in pieces', withAreas({ options: '0f 02 6162 35 01 02 0f 01 63 ff' }), { 15: '616263', 53: '02' }],
    [
      'in pieces over options, file, sname, in this order',
      withAreas({ options: '34 01 03 0f 01 61 ff', file: '0f 01 62 ff', sname: '0f 01 63 ff' }),
      { 15: '616263' },
    ],
    [
      'in sname alone',
      withAreas({ options: '34 01 02 ff', file: '0f 01 62', sname: '0f 01 63' }),
      { 15: '63' },
    ],
    [
      'in no field that is not overloaded',
      withAreas({ options: '35 01 02 ff', file: '0f 01 62' }),
      { 53: '02' },
    ],
    [
      'where an overloaded field says that it is overloaded itself',
      withAreas({ options: '34 01 01 ff', file: '34 01 03 0f 01 62 ff', sname: '0f 01 63 ff' }),
      { 15: '62' },
    ],
  ])('has options: %s', (_title, bytes, options) => {
    const found = [...decodeMessage(bytes).options].map(([code, value]) => [code, value.toString('hex')]);
    expect(Object.fromEntries(found)).toEqual(options);
  });
});

const parameters = (options: string) => readParameters(decodeMessage(withAreas({ options })));

describe('what its options say', () => {
  it('is all of it', () => {
    const read = parameters(
      [
        '35 01 05',
        '36 04 0a000001',
        '01 04 ffffff00',
        '03 08 0a000001 0a000002',
        '06 08 0a000003 0a000003',
        `0f 08 ${Buffer.from('lan.test').toString('hex')}`,
        '1a 02 0578',
        '33 04 00000e10',
        '3a 04 00000708',
        '3b 04 00000c4e',
        '77 0a 03 6c616e 04 74657374 00',
        '79 0c 10 0a02 0a000001 00 0a000001',
        `38 06 ${Buffer.from('no\u0007way').toString('hex')}`,
        'ff',
      ].join(''),
    );
    expect(read).toEqual({
      type: 'ack',
      serverId: '10.0.0.1',
      prefixLength: 24,
      routers: ['10.0.0.1', '10.0.0.2'],
      nameServers: ['10.0.0.3'],
      domain: 'lan.test',
      search: ['lan.test'],
      mtu: 1400,
      routes: [
        { destination: '10.2.0.0/16', gateway: '10.0.0.1' },
        { destination: '0.0.0.0/0', gateway: '10.0.0.1' },
      ],
      leaseSeconds: 3600,
      renewalSeconds: 1800,
      rebindingSeconds: 3150,
      text: 'no?way',
      unreadable: [],
    });
  });

  it('is nothing, where nothing is said', () => {
    expect(parameters('35 01 02 ff')).toEqual({
      type: 'offer',
      routers: [],
      nameServers: [],
      search: [],
      unreadable: [],
    });
  });

  it.each([
    ['no type: BOOTP', 'ff'],
    ['an empty type', '35 00 ff'],
    ['two types', '35 02 0205 ff'],
    ['type 0', '35 01 00 ff'],
    ['type 9', '35 01 09 ff'],
  ])('is no message of DHCP: %s', (_title, options) => {
    expect(() => parameters(options)).toThrow(MalformedPacketError);
  });

  it.each<[string, string, number]>([
    ['a server that is nobody', '36 04 00000000', 54],
    ['two servers', '36 08 0a000001 0a000002', 54],
    ['a mask with holes', '01 04 ff00ff00', 1],
    ['a mask of nothing', '01 04 00000000', 1],
    ['a mask of three bytes', '01 03 ffffff', 1],
    ['five bytes of routers', '03 05 0a00000100', 3],
    ['an MTU of 67', '1a 02 0043', 26],
    ['an MTU of four bytes', '1a 04 00000578', 26],
    ['a lease time of two bytes', '33 02 0e10', 51],
    ['a domain with a line break', '0f 05 61 0a 62 2e 63', 15],
    ['a domain with a space', '0f 03 61 20 62', 15],
    ['an empty domain', '0f 00', 15],
    ['a route with 33 bits', '79 0a 21 0a000000 00 0a000001', 121],
    ['a route that is cut short', '79 05 18 0a0000 0a', 121],
    ['search domains that do not end', '77 04 03 6c616e', 119],
    ['a label beyond the end', '77 03 05 6c61', 119],
    ['a label of an unknown kind', '77 02 40 00', 119],
    ['half a pointer', '77 01 c0', 119],
    ['a pointer to itself', '77 02 c000', 119],
    ['a pointer forward', '77 04 c002 c000', 119],
    ['pointers in a circle', '77 08 03 6c616e c004 c000', 119],
    ['a pointer into the name that it ends', '77 06 03 6c616e c000', 119],
  ])('may not be readable: %s', (_title, options, code) => {
    const read = parameters(`35 01 02 ${options} ff`);
    expect(read.unreadable).toEqual([code]);
  });

  it.each<[string, string, string[]]>([
    ['a pointer to a domain before', '03 6c616e 04 74657374 00 01 61 c004', ['lan.test', 'a.test']],
    ['pointers over pointers', '01 61 00 01 62 c000 01 63 c003', ['a', 'b.a', 'c.b.a']],
    ['the same domain twice', '01 61 00 01 61 00', ['a']],
    ['the root, and names that no file may hold', '00 03 610a62 00 02 2d61 00 01 62 00', ['b']],
    [
      'more domains than anybody looks through',
      Array.from(
        { length: 50 },
        (_, i) => `02 61 ${(0x61 + (i % 26)).toString(16)} 01 ${(0x61 + Math.floor(i / 26)).toString(16)} 00`,
      ).join(''),
      Array.from({ length: 32 }, (_, i) => `a${String.fromCharCode(97 + (i % 26))}.${i < 26 ? 'a' : 'b'}`),
    ],
  ])('has search domains: %s', (_title, value, names) => {
    const bytes = hex(value);
    const pieces = [];
    for (let offset = 0; offset < bytes.length; offset += 255) {
      const piece = bytes.subarray(offset, offset + 255);
      pieces.push(`77 ${piece.length.toString(16).padStart(2, '0')} ${piece.toString('hex')}`);
    }
    expect(parameters(`35 01 02 ${pieces.join('')} ff`).search).toEqual(names);
  });

  it('has a domain at most as long as names may be', () => {
    const label = `3f ${'61'.repeat(63)}`;
    const longest = `${label.repeat(3)} 3d ${'61'.repeat(61)} 00`;
    const split = (value: string) => {
      const bytes = hex(value);
      return `77 ff ${bytes.toString('hex', 0, 255)} ${bytes.length > 255 ? `77 ${(bytes.length - 255).toString(16).padStart(2, '0')} ${bytes.toString('hex', 255)}` : ''}`;
    };
    expect(parameters(`35 01 02 ${split(longest)} ff`).search[0]).toHaveLength(253);
    const tooLong = `${label.repeat(3)} 3e ${'61'.repeat(62)} 00`;
    expect(parameters(`35 01 02 ${split(tooLong)} ff`).unreadable).toEqual([119]);
  });

  it('has routes with bits behind the prefix taken for zero', () => {
    expect(parameters('35 01 02 79 09 19 0a0000ff 00000000 ff').routes).toEqual([
      { destination: '10.0.0.128/25', gateway: '0.0.0.0' },
    ]);
  });

  it('has texts without what servers put behind them', () => {
    expect(parameters(`35 01 02 0f 05 ${Buffer.from('lan.\0').toString('hex')} ff`).domain).toBe('lan');
  });
});
