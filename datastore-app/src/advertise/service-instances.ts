import type { Service } from '@local-datastore/shared/dns-sd/service-types';

/** RFC 1035 §2.3.4. */
const MAX_LABEL_BYTES = 63;

/** A service on a port, as the configuration asks for it. */
export interface AdvertisedService {
  readonly service: Service;
  readonly port: number;
}

/** One instance of a service type, ready to be published. */
export interface ServiceInstance extends AdvertisedService {
  readonly instanceName: string;
  /** Never empty: EVE does not read it, but ciao cannot do without (see host-responder.ts). */
  readonly txt: Readonly<Record<string, string>>;
}

/**
 * The instances that one interface publishes. The workstation is called `host [mac]`, as Avahi does it, the
 * others by the host's name; a long host name gives way to the MAC.
 *
 * @param mac lower case, colons
 */
export function planServiceInstances(
  hostLabel: string,
  mac: string,
  services: readonly AdvertisedService[],
): ServiceInstance[] {
  return services.map(({ service, port }) => {
    // RFC 6763 §6.7: txtvers; the key `path` is registered for http and https.
    if (service !== 'workstation') {
      return { service, port, instanceName: hostLabel, txt: { txtvers: '1', path: '/' } };
    }
    const suffix = ` [${mac}]`;
    const instanceName = hostLabel.slice(0, MAX_LABEL_BYTES - suffix.length) + suffix;
    return { service, port, instanceName, txt: { txtvers: '1' } };
  });
}
