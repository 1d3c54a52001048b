// SPDX-License-Identifier: Apache-2.0
import { type Answer, encode } from 'dns-packet';
import type { Random } from '../random.ts';

/** From which of its addresses a datagram is sent. */
export type Source = 'neighbour' | 'off-link' | 'victim';

export interface Datagram {
  readonly bytes: Buffer;
  readonly source: Source;
}

/** Who is attacked, and with what. */
export interface Target {
  /** With `.local`. */
  readonly hostName: string;
  /**
   * Whether to claim the name for another address. To a responder that is a conflict (RFC 6762 §9), no nonsense;
   * without, such datagrams claim another name.
   */
  readonly claimsName: boolean;
  /** An address in the subnet that is not the victim's. */
  readonly wrongAddress: string;
}

const TYPES = ['_workstation', '_http', '_https'].map((service) => `${service}._tcp.local`);
const FOREIGN_ADDRESSES = ['10.2.0.7', '192.0.2.1', '255.255.255.255', '0.0.0.0', '127.0.0.1', '224.0.0.251'];
const HEADER = Buffer.from('000084000000000100000000', 'hex');

const claimedName = ({ hostName, claimsName }: Target) => (claimsName ? hostName : 'other.local');
const response = (answers: readonly Answer[], additionals: readonly Answer[] = []) =>
  encode({ type: 'response', flags: 0x0400, answers: [...answers], additionals: [...additionals] });
const a = (name: string, data: string, ttl = 120): Answer => ({ name, type: 'A', ttl, flush: true, data });

/** A record as bytes: what no encoder would write. */
function rawRecord(name: Buffer, type: number, data: Buffer, lengthBytes = data.length): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(0x8001, 2);
  fixed.writeUInt32BE(120, 4);
  fixed.writeUInt16BE(lengthBytes, 8);
  return Buffer.concat([name, fixed, data]);
}

function encodedName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

/** What is no DNS message, or stops being one. */
const MALFORMED: Readonly<Record<string, (random: Random, target: Target) => Buffer>> = {
  noise: (random) => random.bytes(random.integer(0, 200)),
  'noise behind a header': (random) => Buffer.concat([HEADER, random.bytes(random.integer(0, 200))]),
  'cut off': (random, target) => {
    const whole = response([a(claimedName(target), target.wrongAddress)]);
    return whole.subarray(0, random.integer(0, whole.length - 1));
  },
  'bits flipped': (random, target) => {
    const bytes = response([a(claimedName(target), random.pick(FOREIGN_ADDRESSES))]);
    // Not in the address itself: that would be a sound answer with another address.
    for (let flips = random.integer(1, 4); flips > 0; flips -= 1) {
      const at = random.integer(2, bytes.length - 5);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 7));
    }
    return bytes;
  },
  'counts that lie': (random, target) => {
    const bytes = response([a(claimedName(target), random.pick(FOREIGN_ADDRESSES))]);
    bytes.writeUInt16BE(random.integer(2, 0xffff), 2 * random.integer(2, 5));
    return bytes;
  },
  'a length that lies': (random, target) =>
    Buffer.concat([
      HEADER,
      rawRecord(encodedName(claimedName(target)), 1, Buffer.alloc(4), random.integer(5, 0xffff)),
    ]),
};

/** Well formed, or nearly, and meant to harm. */
const HOSTILE: Readonly<Record<string, (random: Random, target: Target) => Datagram>> = {
  'off-link source': (_, target) => ({
    bytes: response([a(claimedName(target), target.wrongAddress)]),
    source: 'off-link',
  }),
  'source of the datastore': (random, { hostName }) => ({
    bytes: response([a(hostName, random.pick(FOREIGN_ADDRESSES))]),
    source: 'victim',
  }),
  'address of another subnet': (random, target) => ({
    bytes: response([a(claimedName(target), random.pick(FOREIGN_ADDRESSES))]),
    source: 'neighbour',
  }),
  goodbye: (random, { hostName, wrongAddress }) => ({
    bytes: response(
      [
        a(hostName, wrongAddress, 0),
        ...TYPES.map((name): Answer => ({ name, type: 'PTR', ttl: 0, data: `ds.${name}` })),
      ],
      TYPES.map((name): Answer => {
        const data = { port: 80, target: hostName };
        return { name: `ds.${name}`, type: 'SRV', ttl: 0, flush: true, data };
      }),
    ),
    source: random.pick(['neighbour', 'victim'] as const),
  }),
  'pointer to itself': () => ({
    bytes: Buffer.concat([HEADER, rawRecord(Buffer.from([0xc0, 0x0c]), 1, Buffer.alloc(4))]),
    source: 'neighbour',
  }),
  'pointers in a ring': () => ({
    bytes: Buffer.concat([HEADER, rawRecord(Buffer.from([0xc0, 0x0e, 0xc0, 0x0c]), 1, Buffer.alloc(4))]),
    source: 'neighbour',
  }),
  'a chain of pointers': () => {
    // Each points at the one before: 4,000 names of ever more steps would cost their square.
    const chain = Buffer.alloc(8000);
    for (let at = 2; at < chain.length; at += 2) chain.writeUInt16BE(0xc000 | (12 + at - 2), at);
    return { bytes: Buffer.concat([HEADER, rawRecord(Buffer.alloc(1), 16, chain)]), source: 'neighbour' };
  },
  oversized: (random, target) => ({
    bytes: Buffer.concat([
      response([a(claimedName(target), target.wrongAddress)]),
      Buffer.alloc(random.integer(9001, 20_000)),
    ]),
    source: 'neighbour',
  }),
  'other names': (random) => ({
    bytes: response(
      Array.from({ length: random.integer(1, 40) }, () =>
        a(`${random.bytes(6).toString('hex')}.local`, '10.1.0.66'),
      ),
    ),
    source: 'neighbour',
  }),
  'names that hold the wanted one': (_, { hostName, wrongAddress }) => ({
    bytes: response([a(`my-${hostName}`, wrongAddress), a(`${hostName}.local`, wrongAddress)]),
    source: 'neighbour',
  }),
  'a probe that claims the name': (_, target) => ({
    bytes: encode({
      type: 'query',
      questions: [{ name: claimedName(target), type: 'ANY' as 'A' }],
      authorities: [a(claimedName(target), target.wrongAddress)],
    }),
    source: 'off-link',
  }),
  questions: (random) => ({
    bytes: encode({ type: 'query', questions: [{ name: random.pick(TYPES), type: 'PTR' }] }),
    source: 'neighbour',
  }),
};

/** The kinds of datagrams that are made, by name. */
export const MALFORMED_KINDS = Object.keys(MALFORMED);
export const HOSTILE_KINDS = Object.keys(HOSTILE);

export function malformedDatagram(random: Random, target: Target): Datagram {
  const make = MALFORMED[random.pick(MALFORMED_KINDS)] as (typeof MALFORMED)[string];
  return { bytes: make(random, target), source: 'neighbour' };
}

export function hostileDatagram(random: Random, target: Target): Datagram {
  const make = HOSTILE[random.pick(HOSTILE_KINDS)] as (typeof HOSTILE)[string];
  return make(random, target);
}
