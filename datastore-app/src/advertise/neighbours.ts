// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';

/** A host that stock EVE may take for this one. */
export interface Neighbour {
  readonly interfaceName: string;
  /** As it stands in SRV records, without the last dot; printable. */
  readonly name: string;
  /** Who said so. */
  readonly address: string;
}

/** What matters of an SRV record. */
export interface ServiceTarget {
  /** The instance's full name. */
  readonly owner: string;
  readonly target: string;
  readonly ttlSeconds: number;
}

/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 255;
/** Named in a warning at most. */
const MAX_NAMED = 5;
/** What stands behind the instance in the names of the services that EVE's downloader asks for (`findDSmDNS`). */
const EVE_SUFFIXES = SERVICES.map((service) => `.${serviceTypeName(service)}`);

const withoutRoot = (name: string) => name.replace(/\.$/, '');

/**
 * Whether stock EVE, looking for a host, takes the target of an SRV record for it: `strings.Contains(target,
 * host)`, in this case of letters and anywhere in the name.
 *
 * @param hostName with `.local`
 * @returns false for the host itself
 */
export function isTakenFor(hostName: string, { owner, target }: ServiceTarget): boolean {
  return (
    target.includes(hostName) &&
    !isSameHost(target, hostName) &&
    EVE_SUFFIXES.some((suffix) => withoutRoot(owner).endsWith(suffix))
  );
}

/** A name as it may be shown: what comes from the network may hold anything. */
export function printableName(name: string): string {
  return withoutRoot(name)
    .slice(0, MAX_NAME_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?');
}

/** Tells of neighbours as a sentence; undefined when there is none. */
export function describeNeighbours(neighbours: readonly Neighbour[], hostName: string): string | undefined {
  if (neighbours.length === 0) return undefined;
  const named = neighbours
    .slice(0, MAX_NAMED)
    .map(({ name, address, interfaceName }) => `${name} (${address} on ${interfaceName})`);
  const more = neighbours.length > MAX_NAMED ? ` and ${neighbours.length - MAX_NAMED} more` : '';
  return (
    `${named.join(', ')}${more}: stock EVE takes every host whose name contains ${hostName} for this datastore, ` +
    'so each of its lookups is a coin toss: give one of them another name'
  );
}
