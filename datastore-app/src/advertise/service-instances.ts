// SPDX-License-Identifier: Apache-2.0
import type { Service } from '@local-datastore/shared/dns-sd/service-types';

/** RFC 1035 §2.3.4. */
export const MAX_LABEL_BYTES = 63;

const WORKSTATION_TYPE = '_workstation._tcp';

/** A service on a port, as the configuration asks for it. */
export interface AdvertisedService {
  /** With its protocol, lower case, such as `_http._tcp`. */
  readonly type: string;
  readonly port: number;
  /** Absent: the host's name; of a workstation with the MAC, as Avahi does it. One label. */
  readonly instanceName?: string;
  /** The labels in front of `_sub`, such as `_printer`. */
  readonly subtypes?: readonly string[];
  /** The character strings of the TXT record, up to 255 bytes each; empty: one empty string. */
  readonly txt?: readonly Buffer[];
}

/** One instance of a service type, ready to be published. */
export type ServiceInstance = Required<AdvertisedService>;

/** The service type of one of the datastore's own services, such as `_http._tcp`. */
export function serviceType(service: Service): string {
  return `_${service}._tcp`;
}

/** The DNS name whose PTR records list the instances, such as `_http._tcp.local`. */
export function typeName({ type }: Pick<AdvertisedService, 'type'>): string {
  return `${type}.local`;
}

/** RFC 6763 §6.7: txtvers; the key `path` is registered for http and https. */
function defaultTxt(type: string): Buffer[] {
  return (type === WORKSTATION_TYPE ? ['txtvers=1'] : ['txtvers=1', 'path=/']).map((text) =>
    Buffer.from(text),
  );
}

/**
 * The instances that one interface publishes. The workstation is called `host [mac]`, as Avahi does it, the
 * others by the host's name unless they have one; a long host name gives way to the MAC.
 *
 * @param mac lower case, colons
 */
export function planServiceInstances(
  hostLabel: string,
  mac: string,
  services: readonly AdvertisedService[],
): ServiceInstance[] {
  const suffix = ` [${mac}]`;
  const nameOf = (type: string) =>
    type === WORKSTATION_TYPE ? hostLabel.slice(0, MAX_LABEL_BYTES - suffix.length) + suffix : hostLabel;
  return services.map(
    ({ type, port, instanceName = nameOf(type), subtypes = [], txt = defaultTxt(type) }) => ({
      type,
      port,
      instanceName,
      subtypes,
      txt: txt.length === 0 ? [Buffer.alloc(0)] : txt,
    }),
  );
}

/**
 * Sorts instances so that no part holds two of one service type. What is published together is answered
 * together, and two instances of a type in one datagram can block EVE's downloader for ever.
 */
export function partByType(instances: readonly ServiceInstance[]): ServiceInstance[][] {
  const parts: ServiceInstance[][] = [];
  for (const instance of instances) {
    const part = parts.find((each) => each.every(({ type }) => type !== instance.type));
    if (part === undefined) parts.push([instance]);
    else part.push(instance);
  }
  return parts;
}

/** Cuts a text to so many bytes of UTF-8, between characters. */
function cutToBytes(text: string, maxBytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > maxBytes) cut = [...cut].slice(0, -1).join('');
  return cut;
}

/** The next name to try for an instance whose name is taken, as Avahi forms it: `Images`, `Images #2`, … */
export function nextInstanceName(instanceName: string): string {
  const [, base = instanceName, number = '1'] = /^(.*) #(\d{1,6})$/s.exec(instanceName) ?? [];
  const suffix = ` #${Number(number) + 1}`;
  return cutToBytes(base, MAX_LABEL_BYTES - suffix.length) + suffix;
}
