// SPDX-License-Identifier: Apache-2.0
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { Bridge } from './bridges.ts';

/** RFC 1035 §4.1.1. */
const HEADER_BYTES = 12;
const RESPONSE_BIT = 0x80;
const OPCODE_BITS = 0x78;
const RCODE_BITS = 0x0f;

/** RFC 6762 §17: a message is never larger, IP and UDP headers included. */
const MAX_DATAGRAM_BYTES = 9000;
/** More than a responder with dozens of services has to say at once. */
export const MAX_RECORDS_PER_DATAGRAM = 512;

/** What one neighbour may have decoded in one second; honest ones stay far below. */
const MAX_DATAGRAMS_PER_SOURCE = 250;
const MAX_SOURCES = 1024;
const RATE_WINDOW_MS = 1000;

export interface DatagramSource {
  readonly address: string;
  readonly port: number;
  /** Whether it sent to a port of our own, where nobody is heard but whom we asked from it. */
  readonly isToOwnPort?: boolean;
}

export type DatagramVerdict =
  /** May be decoded: a response that reached us on this bridge. */
  | { readonly kind: 'response'; readonly bridge: Bridge }
  /** A question: somebody's, or, from this host itself, most likely ours come back. */
  | { readonly kind: 'query'; readonly isOfThisHost: boolean }
  | { readonly kind: 'malformed' }
  | {
      readonly kind: 'rejected';
      readonly reason:
        | 'off-link-source'
        | 'wrong-port'
        | 'too-large'
        | 'too-many-records'
        | 'too-many-datagrams';
    };

/**
 * Decides by header and source alone whether a datagram is worth decoding, and which bridge it came over.
 * The socket does not tell: every one hears all links, so the subnet of the source decides.
 *
 * This host's own addresses are sources like others: the agent sends nothing but questions, so a response from
 * here is that of a datastore on this host. Nobody else can send from them, as Linux drops what comes in with an
 * address of its own as the source (unless `accept_local` is set).
 */
export function createDatagramFilter(
  bridges: readonly Bridge[],
  nowMs: () => number,
): (datagram: Uint8Array, source: DatagramSource) => DatagramVerdict {
  const links = bridges.map((bridge) => ({ bridge, isOnLink: createSubnetTest(bridge.cidr) }));
  const ownAddresses = new Set(bridges.map(({ address }) => address));
  // By itself: a flood on port 5353 must not use up what may come to our own.
  const [isWithinGroupRate, isWithinOwnRate] = [createRateLimit(nowMs), createRateLimit(nowMs)];

  return (datagram, source) => {
    const bridge = links.find(({ isOnLink }) => isOnLink(source.address))?.bridge;
    // RFC 6762 §11: a source that is not on the local link must be ignored.
    if (bridge === undefined) return { kind: 'rejected', reason: 'off-link-source' };
    if (datagram.byteLength < HEADER_BYTES) return { kind: 'malformed' };
    const header = new DataView(datagram.buffer, datagram.byteOffset, HEADER_BYTES);
    const flags = header.getUint8(2);
    if ((flags & RESPONSE_BIT) === 0)
      return { kind: 'query', isOfThisHost: ownAddresses.has(source.address) };
    if (source.port !== MDNS_PORT) return { kind: 'rejected', reason: 'wrong-port' };
    // RFC 6762 §18.3 and §18.11: both must be zero.
    if ((flags & OPCODE_BITS) !== 0 || (header.getUint8(3) & RCODE_BITS) !== 0) return { kind: 'malformed' };
    if (datagram.byteLength > MAX_DATAGRAM_BYTES) return { kind: 'rejected', reason: 'too-large' };
    const records = [4, 6, 8, 10].reduce((sum, offset) => sum + header.getUint16(offset), 0);
    if (records > MAX_RECORDS_PER_DATAGRAM) return { kind: 'rejected', reason: 'too-many-records' };
    const isWithinRate = source.isToOwnPort ? isWithinOwnRate : isWithinGroupRate;
    if (!isWithinRate(source.address)) return { kind: 'rejected', reason: 'too-many-datagrams' };
    return { kind: 'response', bridge };
  };
}

/** Counts each source by itself, so that a flood from one does not silence another. */
function createRateLimit(nowMs: () => number): (source: string) => boolean {
  const counts = new Map<string, number>();
  let windowStartMs = nowMs();
  return (source) => {
    if (nowMs() - windowStartMs >= RATE_WINDOW_MS) {
      counts.clear();
      windowStartMs = nowMs();
    }
    const count = (counts.get(source) ?? 0) + 1;
    if (count > MAX_DATAGRAMS_PER_SOURCE || (count === 1 && counts.size >= MAX_SOURCES)) return false;
    counts.set(source, count);
    return true;
  };
}
