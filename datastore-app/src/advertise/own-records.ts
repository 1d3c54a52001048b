// SPDX-License-Identifier: Apache-2.0
import type { Responder } from '@homebridge/ciao';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { type ServiceInstance, typeName } from './service-instances.ts';

export type Packet = Parameters<Responder['handleResponse']>[0];
type PacketRecord = Packet['answers'] extends Map<string, infer R> ? R : never;

/** What is said on a link in our name. */
export interface OwnClaims {
  /** Without `.local`. */
  readonly hostLabel: string;
  readonly instances: readonly ServiceInstance[];
  /** Whether any interface of this host has the address. */
  readonly isOwnAddress: (address: string) => boolean;
  /** Whether one had it a moment ago. */
  readonly wasOwnAddress: (address: string) => boolean;
}

/** What ciao calls the kinds of record data. */
interface RecordData {
  readonly ipAddress?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly txt?: readonly Buffer[];
  readonly nextDomainName?: string;
}

const isSameText = (left: readonly Buffer[], right: readonly Buffer[]) =>
  left.length === right.length && left.every((text, index) => right[index]?.equals(text));

/** The instance that a record belongs to; `host`: the host itself; undefined: none of ours. */
function ownerOf(
  { name }: Pick<PacketRecord, 'name'>,
  { hostLabel, instances }: OwnClaims,
): ServiceInstance | 'host' | undefined {
  if (isSameHost(name, `${hostLabel}.local`)) return 'host';
  return instances.find((each) => isSameHost(name, `${each.instanceName}.${typeName(each)}`));
}

/**
 * Whether a record with one of our names says what we say, so that nobody else claims anything by it: records
 * with identical data are never a conflict, whoever sent them (RFC 6762 §9). Reflectors change the source of a
 * packet, and some take it apart. NSEC says only which types there are, whose records come with it.
 *
 * @param isOwnAddress which addresses are ours
 */
function isOurs(
  record: PacketRecord,
  claims: OwnClaims,
  isOwnAddress: (address: string) => boolean,
): boolean {
  const owner = ownerOf(record, claims);
  if (owner === undefined) return false;
  const { ipAddress, hostname, port, txt, nextDomainName } = record as RecordData;
  if (nextDomainName !== undefined) return true;
  if (owner === 'host') return ipAddress !== undefined && isOwnAddress(ipAddress);
  if (hostname !== undefined) return isSameHost(hostname, `${claims.hostLabel}.local`) && port === owner.port;
  return txt !== undefined && isSameText(txt, owner.txt);
}

/**
 * Takes out of a response what we say ourselves, by which way it may have come back: over a reflector, from an
 * interface of ours on the same link, late, or in parts. @homebridge/ciao 1.3.12 does not look at the data while
 * it probes, so it would take the echo for a conflict; and where an echo has a lower TTL, answer it for ever.
 */
export function ignoreOwnRecords(packet: Packet, claims: OwnClaims): void {
  const isOwnAddress = (address: string) => claims.isOwnAddress(address) || claims.wasOwnAddress(address);
  for (const records of [packet.answers, packet.additionals]) {
    for (const [key, record] of records) {
      if (record.ttl > 0 && isOurs(record, claims, isOwnAddress)) records.delete(key);
    }
  }
}

/**
 * Whether a probe (RFC 6762 §8.1) is one of ours that came back. The records of one service lose against those
 * of another in a tie-break, so that we would give way to ourselves.
 */
export function isOwnProbe({ authorities }: Packet, claims: OwnClaims): boolean {
  const named = [...authorities.values()].filter((record) => ownerOf(record, claims) !== undefined);
  return named.length > 0 && named.every((record) => isOurs(record, claims, claims.isOwnAddress));
}
