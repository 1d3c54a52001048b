// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { interpret, packetData } from './bpf-interpreter.ts';
import { DROP, KEEP_WHOLE } from './bpf-program.ts';
import { dhcpFilter } from './dhcp-filter.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const OWN = '020000000001';
const OTHER = '020000000002';
const ALL = 'ffffffffffff';
const PROGRAM = dhcpFilter(hex(OWN));
const verdict = (frame: Buffer) => interpret(PROGRAM, packetData(frame));

interface Datagram {
  readonly target?: string;
  readonly etherType?: string;
  readonly header?: string;
  readonly fragment?: string;
  readonly protocol?: string;
  readonly options?: string;
  readonly ports?: string;
}

const datagram = (parts: Datagram = {}) => {
  const { target = OWN, etherType = '0800', header = '45', fragment = '4000', protocol = '11' } = parts;
  const { options = '', ports = '00430044' } = parts;
  const ip = `${header}00 0020 0000 ${fragment} 40${protocol} 0000 0a000001 ffffffff ${options}`;
  return hex(`${target} ${OTHER} ${etherType} ${ip} ${ports} 000c 0000 00000000`);
};

const arp = (
  parts: { target?: string; form?: string; sender?: string; about?: string; operation?: string } = {},
) => {
  const {
    target = ALL,
    form = '0001080006 04',
    sender = '0a000009',
    about = '0a000005',
    operation = '0001',
  } = parts;
  return hex(`${target} ${OTHER} 0806 ${form} ${operation} ${OTHER} ${sender} 000000000000 ${about}`);
};

describe('the filter of DHCP', () => {
  it.each<[string, Buffer]>([
    ['a datagram to itself', datagram()],
    ['a datagram to all', datagram({ target: ALL })],
    ['one from any port', datagram({ ports: '12340044' })],
    ['one behind options of IP', datagram({ header: '47', options: '0101010101010101' })],
    ['a probe to all', arp({ sender: '00000000' })],
    ['an announcement to all', arp({ sender: '0a000005' })],
    ['a reply to itself', arp({ target: OWN, operation: '0002' })],
    ['a question to itself', arp({ target: OWN })],
  ])('keeps %s', (_title, frame) => {
    expect(verdict(frame)).toBe(KEEP_WHOLE);
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a datagram to another host', datagram({ target: OTHER })],
    ['one to a group', datagram({ target: '01005e0000fb' })],
    ['one to nearly all', datagram({ target: 'fffffffffffe' })],
    ['one to nearly itself', datagram({ target: '020000000101' })],
    ['one to a server', datagram({ ports: '00440043' })],
    ['one to port 17408', datagram({ ports: '00434400' })],
    ['TCP', datagram({ protocol: '06' })],
    ['IPv6', datagram({ etherType: '86dd' })],
    ['a VLAN', datagram({ etherType: '8100' })],
    ['a first fragment', datagram({ fragment: '2000' })],
    ['a later fragment', datagram({ fragment: '0001' })],
    ['a port before options of IP', datagram({ header: '46' })],
    ['a question of somebody for somebody', arp()],
    ['a reply to another host', arp({ target: OTHER, operation: '0002' })],
    ['a probe to another host', arp({ target: OTHER, sender: '00000000' })],
    ['other hardware', arp({ form: '0006080006 04', sender: '00000000' })],
    ['another protocol', arp({ form: '000186dd06 10', sender: '00000000' })],
  ])('drops %s', (_title, frame) => {
    expect(verdict(frame)).toBe(DROP);
  });

  it.each([datagram(), arp({ sender: '00000000' })])('drops a frame that is cut short (%#)', (frame) => {
    const lengths = Array.from({ length: frame.length + 1 }, (_, length) => length);
    const kept = lengths.filter((length) => verdict(frame.subarray(0, length)) === KEEP_WHOLE);
    // As soon as all that it looks at is there: the port, or the address that is asked for.
    expect(kept[0]).toBe(frame.readUInt16BE(12) === 0x0800 ? 38 : 42);
  });

  it('is for addresses of Ethernet', () => {
    expect(() => dhcpFilter(Buffer.alloc(8))).toThrow(RangeError);
  });
});
