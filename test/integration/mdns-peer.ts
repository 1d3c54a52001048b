// SPDX-License-Identifier: Apache-2.0
import { decode, type Packet } from 'dns-packet';
import type { Namespace } from '../lab/namespace.ts';
import { readJsonLines } from './json-lines.ts';

const SOCKET_PROGRAM = 'test/integration/programs/mdns-socket.ts';

/** A datagram that the peer heard. */
export interface HeardPacket {
  /** On the peer's own monotonic clock. */
  readonly atMs: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly bytes: Buffer;
  readonly packet: Packet;
}

type SocketEvent =
  | { readonly event: 'ready' | 'sent'; readonly atMs: number }
  | {
      readonly event: 'heard';
      readonly atMs: number;
      readonly source: string;
      readonly sourcePort: number;
      readonly hex: string;
    };

/** A neighbour that hears, and may ask, with bytes of the test's own making. */
export interface MdnsPeer {
  /** Everything heard so far, itself excepted. */
  heard(): HeardPacket[];
  /** Sends datagrams back to back. Returns when they left, on the peer's clock. */
  send(...datagrams: readonly Buffer[]): Promise<number>;
  /** The first packet heard, from the given index of `heard()` on, that fits. */
  waitFor(what: string, fits: (heard: HeardPacket) => boolean, from?: number): Promise<HeardPacket>;
}

/** How a peer sends back to the group what it hears, as a reflector or a bridge that repeats does. */
export interface Reflection {
  readonly what: 'responses' | 'everything';
  /** After how long each copy leaves. */
  readonly delaysMs: readonly number[];
  /** Sends the first half alone. */
  readonly isCut?: boolean;
}

export interface MdnsPeerOptions {
  /** Of what it sends. Default 1, as EVE has it. */
  readonly ipTtl?: number;
  readonly reflection?: Reflection;
}

/** Starts a peer on the interface with the given address. */
export async function startMdnsPeer(
  namespace: Namespace,
  address: string,
  { ipTtl = 1, reflection }: MdnsPeerOptions = {},
): Promise<MdnsPeer> {
  const rule = reflection === undefined ? [] : [JSON.stringify(reflection)];
  const command = ['node', SOCKET_PROGRAM, address, String(ipTtl), ...rule];
  const child = namespace.start(command, { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = readJsonLines<SocketEvent>(child);
  await lines.waitFor('socket on port 5353', ({ event }) => event === 'ready');

  const packets = new Map<SocketEvent, HeardPacket>();
  const read = (event: SocketEvent): HeardPacket | undefined => {
    if (event.event !== 'heard') return undefined;
    let heard = packets.get(event);
    if (heard === undefined) {
      const bytes = Buffer.from(event.hex, 'hex');
      const { atMs, source, sourcePort } = event;
      heard = { atMs, source, sourcePort, bytes, packet: decode(bytes) };
      packets.set(event, heard);
    }
    return heard;
  };
  const heard = () => lines.all.flatMap((event) => read(event) ?? []);
  return {
    heard,
    async send(...datagrams) {
      const from = lines.all.length;
      child.stdin?.write(`${datagrams.map((bytes) => bytes.toString('hex')).join(' ')}\n`);
      return (await lines.waitFor('sent', ({ event }) => event === 'sent', { from })).atMs;
    },
    async waitFor(what, fits, from = 0) {
      const earlier = new Set(heard().slice(0, from));
      const event = await lines.waitFor(what, (candidate) => {
        const packet = read(candidate);
        return packet !== undefined && !earlier.has(packet) && fits(packet);
      });
      return read(event) as HeardPacket;
    },
  };
}

/** All records of a packet outside the question section. */
export function recordsOf({ packet }: HeardPacket) {
  const { answers = [], authorities = [], additionals = [] } = packet;
  return [...answers, ...authorities, ...additionals];
}

/** The addresses of all A records in a packet. */
export function addressesOf(heard: HeardPacket): string[] {
  return recordsOf(heard).flatMap((record) => (record.type === 'A' ? record.data : []));
}

/** The SRV targets in a packet. */
export function targetsOf(heard: HeardPacket): string[] {
  return recordsOf(heard).flatMap((record) => (record.type === 'SRV' ? record.data.target : []));
}

/** Whether every record says that it is gone (RFC 6762 §10.1). */
export function isGoodbye(heard: HeardPacket): boolean {
  const records = recordsOf(heard);
  return records.length > 0 && records.every((record) => 'ttl' in record && record.ttl === 0);
}
