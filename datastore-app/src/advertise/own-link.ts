// SPDX-License-Identifier: Apache-2.0
import type { Responder } from '@homebridge/ciao';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import type { ServiceTarget } from './neighbours.ts';
import type { OutgoingAddresses } from './outgoing-addresses.ts';
import { ignoreOwnRecords, isOwnProbe, type OwnClaims, type Packet } from './own-records.ts';
import type { PacketOrigin } from './packet-origin.ts';

type PacketHandler = Pick<Responder, 'handleQuery' | 'handleResponse'>;

/** Of one query that are told of. */
const MAX_QUESTIONS = 16;
/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 255;

/** What a responder must know of its link to tell who speaks. */
export interface LinkHearing extends OwnClaims {
  readonly interfaceName: string;
  /** Attributes a packet by its source address. */
  readonly originOf: (source: string) => PacketOrigin;
  /** Hears of every query of another host on this link: who asked, and for what (`_http._tcp.local`). */
  readonly onQuery?: (source: string, names: readonly string[]) => void;
  /** Hears of the SRV records of another host on this link. */
  readonly onServices?: (source: string, targets: readonly ServiceTarget[]) => void;
}

/** Whether a response holds a record of a host, or leads to it. */
export function namesHost(packet: Packet, hostName: string): boolean {
  return [...packet.answers.values(), ...packet.additionals.values()].some(
    (record) =>
      isSameHost(record.name, hostName) ||
      ('hostname' in record && isSameHost(String(record.hostname), hostName)),
  );
}

/** The names that a query asks for, as text of bounded length without the last dot. */
function questionsOf(packet: Packet): string[] {
  return [...packet.questions.values()]
    .slice(0, MAX_QUESTIONS)
    .map(({ name }) => name.slice(0, MAX_NAME_LENGTH).replace(/\.$/, ''));
}

/** The SRV records of a response, of which a datagram holds few hundred at most. */
function serviceTargetsOf(packet: Packet): ServiceTarget[] {
  return [...packet.answers.values(), ...packet.additionals.values()].flatMap((record) =>
    'hostname' in record
      ? { owner: record.name, target: String(record.hostname), ttlSeconds: record.ttl }
      : [],
  );
}

/**
 * Takes goodbyes out of a response. Who gives a name up claims nothing, but @homebridge/ciao 1.3.12 does not
 * look at the TTL and would take it for a conflict: an address at any time, every record while it probes.
 * Otherwise it should hear goodbyes to our records, which it then announces again (RFC 6762 §6.6).
 */
function ignoreGoodbyes(packet: Packet, isProbing: boolean): void {
  for (const records of [packet.answers, packet.additionals]) {
    for (const [key, record] of records) {
      if (record.ttl === 0 && (isProbing || 'ipAddress' in record)) records.delete(key);
    }
  }
}

/**
 * One service's own way through a responder: what it sets while it probes stays its own, all else is shared.
 *
 * @homebridge/ciao 1.3.12 probes for one service after another, up to 1 s each (RFC 6762 §8.1), since the
 * responder holds one prober and one chain of promises. An object that inherits from it holds another.
 */
export function createLane(responder: Responder): Responder {
  return Object.create(responder) as Responder;
}

/** The prober that a lane, or the responder itself when it probes anew, holds while it probes. */
function proberOf(lane: Responder): PacketHandler | undefined {
  if (!Object.hasOwn(lane, 'currentProber')) return undefined;
  return (lane as unknown as { readonly currentProber?: PacketHandler }).currentProber;
}

/**
 * Lets the responder hear its own link only, and its lanes what they must hear of it.
 *
 * @homebridge/ciao 1.3.12 takes whatever its socket receives, which on Linux is the traffic of every
 * interface. It would answer a query of one bridge on another, and take our own records on another interface,
 * which name another address, for a conflict. Our own queries stay audible: readiness asks with them.
 */
export function hearOwnLinkOnly(
  responder: Responder,
  lanes: readonly Responder[],
  options: LinkHearing & Pick<OutgoingAddresses, 'whileAnswering'>,
  onResponse: (packet: Packet, source: string) => void,
): void {
  const { interfaceName, originOf, whileAnswering } = options;
  const handleQuery = responder.handleQuery.bind(responder);
  const handleResponse = responder.handleResponse.bind(responder);
  responder.handleQuery = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName) return;
    const origin = originOf(endpoint.address);
    const isProbe = packet.authorities.size > 0;
    if (origin === 'other-link' || (isProbe && (origin === 'ourselves' || isOwnProbe(packet, options))))
      return;
    if (origin === 'this-link' && !isProbe) options.onQuery?.(endpoint.address, questionsOf(packet));
    whileAnswering(packet, endpoint.address, () => handleQuery(packet, endpoint));
    for (const lane of lanes) proberOf(lane)?.handleQuery(packet, endpoint);
  };
  responder.handleResponse = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName || originOf(endpoint.address) !== 'this-link') return;
    options.onServices?.(endpoint.address, serviceTargetsOf(packet));
    ignoreOwnRecords(packet, options);
    onResponse(packet, endpoint.address);
    const probers = [responder, ...lanes].map(proberOf);
    ignoreGoodbyes(
      packet,
      probers.some((prober) => prober !== undefined),
    );
    handleResponse(packet, endpoint);
    for (const lane of lanes) proberOf(lane)?.handleResponse(packet, endpoint);
  };
}
