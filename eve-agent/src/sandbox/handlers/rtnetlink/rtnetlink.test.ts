// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { encodeAddress, encodeLinkChange, encodeRoute, type LinkAddress, type Route } from './records.ts';
import { createRtnetlink } from './rtnetlink.ts';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttribute,
  encodeMessage,
  FLAG,
  MESSAGE,
  RtnetlinkError,
  uint32,
} from './wire.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ADDRESS: LinkAddress = { index: 3, address: '10.9.0.5', prefixLength: 24, validSeconds: 50 };
const ROUTE: Route = {
  index: 3,
  destination: '10.10.0.0/16',
  gateway: '10.9.0.1',
  metric: 1024,
  protocol: 16,
};

describe('messages of netlink', () => {
  it('are read as they are written, one behind another', () => {
    const messages = [
      { type: 20, flags: 2, sequence: 7, body: Buffer.from('abc') },
      { type: 3, flags: 2, sequence: 7, body: Buffer.alloc(0) },
    ];
    const [first, second] = messages.map(encodeMessage) as [Buffer, Buffer];
    expect(decodeMessages(Buffer.concat([first, Buffer.alloc(1), second]))).toEqual(messages);
  });

  it.each([
    ['a header that is cut short', '10000000 1400 0000 00000000 000000'],
    ['a length within the header', '0f000000 1400 0000 00000000 00000000'],
    ['no length', '00000000 1400 0000 00000000 00000000'],
    ['a length behind the end', '11000000 1400 0000 00000000 00000000'],
    ['a length of 4 GB', 'ffffffff 1400 0000 00000000 00000000'],
  ])('have lengths: %s', (_title, bytes) => {
    expect(() => decodeMessages(hex(bytes))).toThrow(RtnetlinkError);
  });

  it('have attributes, each filled up', () => {
    const body = Buffer.concat([
      Buffer.alloc(8),
      encodeAttribute(1, Buffer.from('abc')),
      encodeAttribute(2, uint32(5)),
    ]);
    expect(body).toHaveLength(24);
    // The bits that say "nested" and "network order" are no part of the type.
    body.writeUInt16LE(0x8001, 10);
    expect(decodeAttributes(body, 8)).toEqual(
      new Map([
        [1, Buffer.from('abc')],
        [2, uint32(5)],
      ]),
    );
  });

  it.each([
    ['a length within the header', '0300 0100'],
    ['no length', '0000 0100'],
    ['a length behind the end', '0800 0100 00'],
    ['half a header', '0400'],
  ])('have attributes with lengths: %s', (_title, bytes) => {
    expect(() => decodeAttributes(hex(bytes), 0)).toThrow(RtnetlinkError);
  });
});

/** A kernel that gives these messages to each question in turn, with its number. */
function createScriptedKernel(...answers: { type: number; flags?: number; body?: Buffer }[][]) {
  const asked: { type: number; flags: number; body: Buffer }[] = [];
  const rtnetlink = createRtnetlink({
    async request(message) {
      const [{ type, flags, sequence, body }] = decodeMessages(message) as [
        { type: number; flags: number; sequence: number; body: Buffer },
      ];
      asked.push({ type, flags, body });
      return (answers.shift() ?? []).map((each) =>
        encodeMessage({ flags: 0, body: Buffer.alloc(0), ...each, sequence }),
      );
    },
  });
  return { asked, rtnetlink };
}
const DONE = { type: MESSAGE.done, body: uint32(0) };
const errno = (number: number) => ({ type: MESSAGE.error, body: uint32((2 ** 32 - number) % 2 ** 32) });

describe('rtnetlink', () => {
  it('reads IPv4 addresses, and what is none of them not', async () => {
    const ipv6 = encodeAddress(ADDRESS);
    ipv6[0] = 10;
    const { rtnetlink, asked } = createScriptedKernel([
      { type: MESSAGE.newAddress, body: encodeAddress(ADDRESS) },
      { type: MESSAGE.newAddress, body: encodeAddress({ ...ADDRESS, validSeconds: null }) },
      { type: MESSAGE.newAddress, body: ipv6 },
      DONE,
    ]);
    expect(await rtnetlink.addresses()).toEqual([ADDRESS, { ...ADDRESS, validSeconds: null }]);
    expect(asked).toMatchObject([{ type: MESSAGE.getAddress, flags: FLAG.request | FLAG.dump }]);
  });

  it('reads routes of the main table', async () => {
    const local = encodeRoute(ROUTE);
    local[4] = 255;
    const blackhole = encodeRoute(ROUTE);
    blackhole[7] = 6;
    const onLink = { ...ROUTE, destination: '0.0.0.0/0', gateway: null };
    const bodies = [encodeRoute(ROUTE), local, blackhole, encodeRoute(onLink)];
    const { rtnetlink } = createScriptedKernel([
      ...bodies.map((body) => ({ type: MESSAGE.newRoute, body })),
      DONE,
    ]);
    expect(await rtnetlink.routes()).toEqual([ROUTE, onLink]);
  });

  it('reads links', async () => {
    const body = Buffer.concat([
      encodeLinkChange(3, { isUp: true, mtu: 1400 }),
      encodeAttribute(3, Buffer.from('eth0\0')),
      encodeAttribute(1, hex('020000000001')),
      encodeAttribute(51, uint32(9000)),
    ]);
    const { rtnetlink } = createScriptedKernel([{ type: MESSAGE.newLink, body }, DONE]);
    expect(await rtnetlink.links()).toEqual([
      {
        index: 3,
        name: 'eth0',
        mac: '02:00:00:00:00:01',
        mtu: 1400,
        maxMtu: 9000,
        isUp: true,
        hasCarrier: false,
      },
    ]);
  });

  it('reads a table again that changed while it was read', async () => {
    const answer = { type: MESSAGE.newAddress, body: encodeAddress(ADDRESS) };
    const { rtnetlink, asked } = createScriptedKernel(
      [{ ...answer, flags: FLAG.interrupted }, DONE],
      [answer, answer, DONE],
    );
    expect(await rtnetlink.addresses()).toHaveLength(2);
    expect(asked).toHaveLength(2);
  });

  it('hears what the kernel says to a change', async () => {
    const { rtnetlink } = createScriptedKernel([errno(0)], [errno(1)], [errno(17)], []);
    await rtnetlink.putAddress(ADDRESS);
    await expect(rtnetlink.deleteAddress(ADDRESS)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(rtnetlink.addRoute(ROUTE)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(rtnetlink.deleteRoute(ROUTE)).rejects.toMatchObject({ code: 'RTNETLINK_MALFORMED' });
  });

  it.each([
    ['that has no end', []],
    ['that is an error', [errno(1)]],
    ['that ends with an error', [{ type: MESSAGE.done, body: uint32(2 ** 32 - 105) }]],
    ['with a record that is cut short', [{ type: MESSAGE.newAddress, body: Buffer.alloc(4) }, DONE]],
  ])('takes no table %s', async (_title, answer) => {
    await expect(createScriptedKernel(answer).rtnetlink.addresses()).rejects.toThrow(RtnetlinkError);
  });

  it.each([
    [24, '10.9.0.255'],
    [8, '10.255.255.255'],
    [30, '10.9.0.7'],
  ])('gives an address of /%s its broadcast address', (prefixLength, broadcast) => {
    expect(
      decodeAttributes(encodeAddress({ ...ADDRESS, prefixLength }), 8)
        .get(4)
        ?.join('.'),
    ).toBe(broadcast);
  });

  it.each([31, 32])('gives an address of /%s none', (prefixLength) => {
    expect(decodeAttributes(encodeAddress({ ...ADDRESS, prefixLength }), 8).has(4)).toBe(false);
  });
});
