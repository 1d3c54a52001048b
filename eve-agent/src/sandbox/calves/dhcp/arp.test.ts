// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decodeArpFrame, encodeArpAnnouncement, encodeArpProbe, isArpFrame } from './arp.ts';
import { MalformedPacketError } from './malformed-packet.ts';

const MAC = '02:00:00:00:00:01';

function changed(offset: number, byte: number): Buffer {
  const frame = encodeArpProbe(MAC, '10.0.0.5');
  frame[offset] = byte;
  return frame;
}

describe('ARP', () => {
  it('asks without claiming, and announces', () => {
    const common = { operation: 'request', senderMac: MAC, targetMac: '00:00:00:00:00:00' };
    const probe = encodeArpProbe(MAC, '10.0.0.5');
    expect(isArpFrame(probe)).toBe(true);
    expect(probe.toString('hex', 0, 14)).toBe('ffffffffffff0200000000010806');
    expect(decodeArpFrame(probe)).toEqual({ ...common, senderAddress: '0.0.0.0', targetAddress: '10.0.0.5' });
    expect(decodeArpFrame(encodeArpAnnouncement(MAC, '10.0.0.5'))).toEqual({
      ...common,
      senderAddress: '10.0.0.5',
      targetAddress: '10.0.0.5',
    });
  });

  it('is read out of a frame that was filled up', () => {
    const reply = Buffer.concat([changed(21, 2), Buffer.alloc(18)]);
    expect(decodeArpFrame(reply)).toMatchObject({ operation: 'reply', targetAddress: '10.0.0.5' });
  });

  it.each<[string, Buffer]>([
    ['cut short', encodeArpProbe(MAC, '10.0.0.5').subarray(0, 41)],
    ['nothing', Buffer.alloc(0)],
    ['not ARP', changed(13, 0)],
    ['other hardware', changed(15, 6)],
    ['another protocol', changed(16, 0x86)],
    ['hardware addresses of 8 bytes', changed(18, 8)],
    ['protocol addresses of 16 bytes', changed(19, 16)],
    ['a reverse request', changed(21, 3)],
  ])('is refused: %s', (_title, frame) => {
    expect(() => decodeArpFrame(frame)).toThrow(MalformedPacketError);
  });
});
