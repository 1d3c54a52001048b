// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { internetChecksum } from './checksum.ts';
import { MalformedPacketError } from './malformed-packet.ts';
import { decodeUdpFrame, encodeUdpFrame, type UdpFrame } from './udp-frame.ts';

const PARTS: UdpFrame = {
  sourceMac: '02:00:00:00:00:01',
  targetMac: 'ff:ff:ff:ff:ff:ff',
  source: '0.0.0.0',
  target: '255.255.255.255',
  sourcePort: 68,
  targetPort: 67,
  payload: Buffer.from('an odd number of bytes!'),
};
const IP = 14;
const UDP = IP + 20;

/** A frame in which some bytes are others; with `fixesIp` the header's checksum is right again. */
function changed(changes: Readonly<Record<number, number>>, { fixesIp = true } = {}): Buffer {
  const frame = encodeUdpFrame(PARTS);
  for (const [offset, byte] of Object.entries(changes)) frame[Number(offset)] = byte;
  if (fixesIp) {
    frame.writeUInt16BE(0, IP + 10);
    const headerBytes = Math.min(((frame[IP] as number) & 15) * 4, frame.length - IP);
    frame.writeUInt16BE(internetChecksum(frame.subarray(IP, IP + headerBytes)), IP + 10);
  }
  return frame;
}

describe('the checksum', () => {
  it.each([
    // The example of RFC 1071 §3.
    ['00 01 f2 03 f4 f5 f6 f7', 0x220d],
    ['', 0xffff],
    ['ff', 0x00ff],
    ['ff ff', 0],
  ])('of %s', (hex, sum) => {
    expect(internetChecksum(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(sum);
  });
});

describe('a frame', () => {
  it('is read as it was written', () => {
    expect(decodeUdpFrame(encodeUdpFrame(PARTS))).toEqual(PARTS);
  });

  it('loses what Ethernet fills up', () => {
    const padded = Buffer.concat([encodeUdpFrame(PARTS), Buffer.alloc(20, 1)]);
    expect(decodeUdpFrame(padded)).toEqual(PARTS);
  });

  it('may have no checksum of UDP, or one that was left to hardware', () => {
    expect(decodeUdpFrame(changed({ [UDP + 6]: 0, [UDP + 7]: 0 }))).toEqual(PARTS);
    const unfinished = changed({ [UDP + 6]: 0x12, [UDP + 7]: 0x34 });
    expect(() => decodeUdpFrame(unfinished)).toThrow(/checksum of UDP/);
    expect(decodeUdpFrame(unfinished, true)).toEqual(PARTS);
  });

  it('never has the checksum that means none', () => {
    const frame = encodeUdpFrame({ ...PARTS, payload: Buffer.alloc(2) });
    const missing = frame.readUInt16BE(UDP + 6);
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(missing);
    expect(encodeUdpFrame({ ...PARTS, payload: bytes }).readUInt16BE(UDP + 6)).toBe(0xffff);
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['shorter than its headers', encodeUdpFrame(PARTS).subarray(0, 33)],
    ['not IPv4', changed({ 12: 0x86, 13: 0xdd })],
    ['with a VLAN', changed({ 12: 0x81, 13: 0x00 })],
    ['version 6 in its header', changed({ [IP]: 0x65 })],
    ['a header of 16 bytes', changed({ [IP]: 0x44 })],
    ['a header longer than the packet', changed({ [IP]: 0x4f })],
    ['a total length behind the frame', changed({ [IP + 2]: 1 })],
    ['a total length within its header', changed({ [IP + 3]: 20 })],
    ['a first fragment', changed({ [IP + 6]: 0x20 })],
    ['a later fragment', changed({ [IP + 7]: 1 })],
    ['TCP', changed({ [IP + 9]: 6 })],
    ['a wrong checksum of IP', changed({ [IP + 8]: 63 }, { fixesIp: false })],
    ['a datagram shorter than its header', changed({ [UDP + 5]: 7 })],
    ['a datagram longer than its packet', changed({ [UDP + 5]: 200 })],
    ['a wrong checksum of UDP', changed({ [UDP + 8]: 0 })],
  ])('is refused: %s', (_title, frame) => {
    expect(() => decodeUdpFrame(frame)).toThrow(MalformedPacketError);
  });
});
